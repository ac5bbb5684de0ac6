import type { JSX } from "preact";
import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";
import { api, ok, type Schemas } from "../api/client";
import { quoted } from "../api/curl";
import { renew } from "../api/query";
import { diff, inLines } from "../diff";
import { inWords, t, toldOf } from "../i18n";
import { to } from "../root";
import { AsCurl } from "../ui/curl";
import { Button, Copyable, Dialog, Field, State, Time, type Tone } from "../ui/parts";
import { say } from "../ui/toasts";
import { Told } from "../ui/told";

export type Delivery = Schemas["DeliveryShown"];
type Attempt = Schemas["AttemptShown"];

export const TONES: Record<string, Tone> = { pending: "blue", delivered: "green", refused: "amber", dead: "red" };

const inHeaders = (headers: Record<string, string>): string =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n");

/** What was sent, as text. */
const request = (a: Attempt | undefined): string => (a?.sent_body ? `POST\n${inHeaders(a.sent_headers)}\n\n${inLines(a.sent_body)}` : "");

/** What came back, as text. */
const answer = (a: Attempt | undefined): string => (!a ? "" : a.status === null ? inWords(a.error_code, a.error) : `${a.status}\n${inHeaders(a.headers)}\n\n${inLines(a.answer)}`);

const SIGNS = { " ": "same", "-": "gone", "+": "new" } as const;

function Compared({ title, before, after }: { title: string; before: string; after: string }): JSX.Element {
  const words = t().operate.callbacks;
  const lines = before ? diff(before, after) : after.split("\n").map((text) => ({ kind: " " as const, text }));
  return (
    <section class="compared">
      <h4>{title}</h4>
      {after ? (
        <pre tabIndex={0} aria-label={title}>
          {lines.map((line, n) => (
            <span key={n} class={`line ${SIGNS[line.kind]}`}>
              {line.kind !== " " && <span class="offscreen">{line.kind === "+" ? words.added : words.taken}</span>}
              {before ? `${line.kind} ` : ""}
              {line.text || " "}
            </span>
          ))}
        </pre>
      ) : (
        <p class="muted">–</p>
      )}
    </section>
  );
}

/** One attempt: the request beside the answer, each compared with the attempt before. */
function Attempts({ delivery }: { delivery: Delivery }): JSX.Element | null {
  const words = t().operate.callbacks;
  const { attempts } = delivery;
  const [chosen, choose] = useState(0);
  const number = chosen || attempts.length;
  const [shown, before] = [attempts[number - 1], attempts[number - 2]];
  if (!shown) return null;
  return (
    <>
      <Field
        label={words.attempt}
        value={String(number)}
        change={(value) => choose(Number(value))}
        options={attempts.map((a) => ({ value: String(a.attempt), label: `${a.attempt}: ${a.status ?? inWords(a.error_code, a.error)} · ${a.duration_ms} ms` }))}
      />
      <p class="hint">
        <Time at={shown.at} /> · {shown.duration_ms} ms · {before ? words.comparedWith(number - 1) : words.first}
      </p>
      <div class="columns">
        <Compared title={words.request} before={request(before)} after={request(shown)} />
        <Compared title={words.answer} before={answer(before)} after={answer(shown)} />
      </div>
    </>
  );
}

/** The callback itself as a line for a shell. Where it goes and how it was signed are secrets, so they are left to be filled in. */
function curlOf(delivery: Delivery): string {
  const last = delivery.attempts.at(-1);
  const body = last?.sent_body || JSON.stringify(delivery.payload);
  const id = last?.sent_headers["webhook-id"] ?? delivery.id;
  return ["curl -X POST", "-H 'Content-Type: application/json'", `-H ${quoted(`webhook-id: ${id}`)}`, `-d ${quoted(body)}`, '"$CALLBACK_URL"'].join(" \\\n  ");
}

export function Panel({ delivery, close }: { delivery: Delivery; close: () => void }): JSX.Element {
  const words = t().callbacks;
  const more = t().operate.callbacks;
  const { route } = useLocation();
  const resend = (): Promise<unknown> => ok(api.POST("/v1/deliveries/{delivery}/resend", { params: { path: { delivery: delivery.id } } }));
  return (
    <Dialog title={delivery.action} close={close} wide>
      <div class="body">
        <p class="states">
          <State tone={TONES[delivery.state] ?? "grey"}>{words.states[delivery.state] ?? delivery.state}</State>
        </p>
        {delivery.note && <p class="why"><Told of={toldOf(delivery.note_code, delivery.note)} /></p>}
        <dl class="facts">
          <dt>{words.url}</dt>
          <dd>{delivery.target || "–"}</dd>
          <dt>{t().recordings.stream}</dt>
          <dd>{delivery.stream || "–"}</dd>
          <dt>{t().life.lanes.recording}</dt>
          <dd>
            {delivery.recording ? (
              <a
                href={to(`recordings/${delivery.recording}`)}
                onClick={(e) => {
                  e.preventDefault();
                  route(to(`recordings/${delivery.recording ?? ""}`));
                }}
              >
                {delivery.recording}
              </a>
            ) : (
              "–"
            )}
          </dd>
          <dt>{more.event}</dt>
          <dd>{delivery.event || "–"}</dd>
          <dt>{words.made}</dt>
          <dd>
            <Time at={delivery.created_at} />
          </dd>
          <dt>{words.next}</dt>
          <dd>
            <Time at={delivery.due_at} />
          </dd>
        </dl>
        <h3>{words.attempts(delivery.attempts.length)}</h3>
        <Attempts key={delivery.id} delivery={delivery} />
        <details>
          <summary>{words.sent}</summary>
          <pre tabIndex={0}>{JSON.stringify(delivery.payload, null, 2)}</pre>
        </details>
        <Copyable label="curl" text={curlOf(delivery)} />
        <p class="hint">{more.curlHint}</p>
        {delivery.action !== "on_publish" && <AsCurl act={resend} />}
      </div>
      <footer>
        {delivery.action === "on_publish" ? (
          <p class="hint">{more.notResendable}</p>
        ) : (
          <Button
            kind="primary"
            press={async () => {
              await resend();
              renew("deliveries");
              say(words.resent, "good");
            }}
          >
            {words.resend}
          </Button>
        )}
      </footer>
    </Dialog>
  );
}
