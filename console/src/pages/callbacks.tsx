import type { JSX } from "preact";
import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";
import type { PageProps } from "../app";
import { api, ok, type Schemas } from "../api/client";
import { queries, renew, useAsked } from "../api/query";
import { t } from "../i18n";
import { to } from "../root";
import { Button, Check, Copyable, Dialog, Empty, Field, Form, Page, State, Time, Waiting, type Tone } from "../ui/parts";
import { useDraft } from "../ui/draft";
import { Table } from "../ui/table";
import { say } from "../ui/toasts";

type Delivery = Schemas["DeliveryShown"];
type Trial = Schemas["chalicelib__routes__v1__callbacks__TrialShown"];

const TONES: Record<string, Tone> = { pending: "blue", delivered: "green", refused: "amber", dead: "red" };

/** Where callbacks go; a target is tried out before it is kept. */
function Target(): JSX.Element {
  const words = t().callbacks;
  const asked = useAsked(["settings", "callbacks"], (signal) => ok(api.GET("/v1/settings/callbacks", { signal })));
  const { draft: form, write: setForm, saved } = useDraft(asked.data);
  const [trial, setTrial] = useState<Trial | null>(null);
  if (!form) return <Waiting error={asked.error} again={asked.again} />;
  const { enabled, target, version } = form;
  return (
    <section class="card pad">
      <h2>{words.target}</h2>
      <Form
        send={t().common.save}
        act={async () => {
          await ok(api.PATCH("/v1/settings/callbacks", { body: { enabled, target, version } }));
          await queries.invalidateQueries({ queryKey: ["settings"] });
          saved();
          say(t().settings.saved, "good");
        }}
      >
        <Check label={words.enabled} value={enabled} change={(value) => setForm({ ...form, enabled: value })} />
        <Field label={words.url} value={target} change={(value) => setForm({ ...form, target: value })} placeholder="https://example.com/hook" hint={form.warning || form.disabled_reason || words.urlHint} />
      </Form>
      <Button press={async () => setTrial(await ok(api.POST("/v1/callbacks/check", { body: target ? { target } : {} })))}>{words.check}</Button>
      {trial && (
        <div role="status">
          <State tone={trial.ok ? "green" : "red"}>{trial.ok ? words.works : words.fails}</State>
          <p>{trial.explanation}</p>
          {trial.hint && <p class="why">{trial.hint}</p>}
        </div>
      )}
    </section>
  );
}

function Signing(): JSX.Element {
  const words = t().callbacks;
  const signing = useAsked(["callbacks", "secret"], (signal) => ok(api.GET("/v1/callbacks/secret", { signal })));
  if (!signing.data) return <Waiting error={signing.error} again={signing.again} />;
  return (
    <section class="card pad">
      <h2>{words.signing}</h2>
      <p class="muted">{words.signingWords}</p>
      <Copyable label={words.secret} text={signing.data.secret} secret={signing.data.secret} />
      <Button
        press={async () => {
          await ok(api.POST("/v1/callbacks/secret/rotate"));
          renew("callbacks");
          say(words.rotated, "good");
        }}
      >
        {words.rotate}
      </Button>
    </section>
  );
}

function Panel({ delivery, close }: { delivery: Delivery; close: () => void }): JSX.Element {
  const words = t().callbacks;
  return (
    <Dialog title={delivery.action} close={close} wide>
      <div class="body">
        <p class="states">
          <State tone={TONES[delivery.state] ?? "grey"}>{words.states[delivery.state] ?? delivery.state}</State>
        </p>
        {delivery.note && <p class="why">{delivery.note}</p>}
        <dl class="facts">
          <dt>{words.url}</dt>
          <dd>{delivery.target}</dd>
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
        <ol class="life">
          {delivery.attempts.map((attempt) => (
            <li key={attempt.attempt}>
              <Time at={attempt.at} /> {attempt.status ?? "–"} · {attempt.duration_ms} ms <code>{attempt.error || attempt.answer}</code>
            </li>
          ))}
        </ol>
        <h3>{words.sent}</h3>
        <pre>{JSON.stringify(delivery.payload, null, 2)}</pre>
      </div>
      <footer>
        <Button
          press={async () => {
            await ok(api.POST("/v1/deliveries/{delivery}/resend", { params: { path: { delivery: delivery.id } } }));
            renew("deliveries");
            say(words.resent, "good");
          }}
        >
          {words.resend}
        </Button>
      </footer>
    </Dialog>
  );
}

export function Callbacks({ id }: PageProps): JSX.Element {
  const words = t().callbacks;
  const { route } = useLocation();
  const deliveries = useAsked(["deliveries"], (signal) => ok(api.GET("/v1/deliveries", { params: { query: { limit: 50 } }, signal })), { every: 3000 });
  const one = useAsked(["deliveries", id], (signal) => ok(api.GET("/v1/deliveries/{delivery}", { params: { path: { delivery: id } }, signal })), { enabled: id !== "", every: 2000 });
  return (
    <Page title={words.title}>
      <div class="columns">
        <Target />
        <Signing />
      </div>
      <h2>{words.deliveries}</h2>
      {!deliveries.data && <Waiting error={deliveries.error} again={deliveries.again} />}
      {deliveries.data?.items.length === 0 && <Empty words={words.none} />}
      {(deliveries.data?.items.length ?? 0) > 0 && (
        <Table
          label={words.deliveries}
          rows={deliveries.data?.items ?? []}
          columns={[
            { head: words.event, cell: (d) => <a href={to(`callbacks/${d.id}`)}>{d.action}</a> },
            { head: t().recordings.state, cell: (d) => <State tone={TONES[d.state] ?? "grey"}>{words.states[d.state] ?? d.state}</State> },
            { head: t().recordings.stream, cell: (d) => [d.payload["app"], d.payload["stream"]].filter(Boolean).join("/") },
            { head: words.made, cell: (d) => <Time at={d.created_at} /> },
            { head: words.tries, cell: (d) => d.attempts.length, number: true },
          ]}
        />
      )}
      {id && one.data && <Panel delivery={one.data} close={() => route(to("callbacks"))} />}
    </Page>
  );
}
