import type { JSX } from "preact";
import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";
import type { PageProps } from "../app";
import { api, ok, type Schemas } from "../api/client";
import { usePaged } from "../api/paged";
import { queries, renew, useAsked } from "../api/query";
import { foreign, inWords, t } from "../i18n";
import { to } from "../root";
import { queried, useQuery } from "../ui/address";
import { AsCurl } from "../ui/curl";
import { Button, Check, Copyable, Dialog, Empty, Field, Form, Page, State, Time, Waiting } from "../ui/parts";
import { wordsOf } from "../ui/problems";
import { Pager } from "../ui/pager";
import { useDraft } from "../ui/draft";
import { Table } from "../ui/table";
import { say } from "../ui/toasts";
import { Told } from "../ui/told";
import { Panel, TONES, type Delivery } from "./callbacks-delivery";
import { Verifier } from "./callbacks-verify";

type Trial = Schemas["chalicelib__routes__v1__callbacks__TrialShown"];

/** What is risky about where callbacks go as it is kept now, or why they were switched off. */
function warningOf(kept: Schemas["CallbacksShown"]): string {
  const words = t().operate.callbacks;
  if (kept.disabled_reason) return words.switchedOff(inWords("target_gone", kept.disabled_reason));
  if (!kept.warning) return "";
  return kept.target.startsWith("https:") ? words.notVerified : words.unencrypted;
}

/** How far a trial came, in words, and what to do. */
function Tried({ trial }: { trial: Trial }): JSX.Element {
  const words = t().callbacks;
  const steps = t().operate.trial;
  return (
    <div role="status">
      <State tone={trial.ok ? "green" : "red"}>{trial.ok ? words.works : words.fails}</State>
      <p>{trial.step === "status" && trial.status !== null ? steps.status(trial.status) : steps.steps[trial.step]}</p>
      {trial.hint && (
        <details>
          <summary class="hint">{steps.details}</summary>
          <p class="why">
            <Told of={foreign(`${trial.explanation} ${trial.hint}`)} />
          </p>
        </details>
      )}
    </div>
  );
}

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
        <Field label={words.url} value={target} change={(value) => setForm({ ...form, target: value })} placeholder="https://example.com/hook" hint={warningOf(form) || words.urlHint} />
      </Form>
      <Button press={async () => setTrial(await ok(api.POST("/v1/callbacks/check", { body: target ? { target } : {} })))}>{words.check}</Button>
      {trial && <Tried trial={trial} />}
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

/** Sends again what happened in a time, call after call until all is on its way. */
function Replay({ close }: { close: () => void }): JSX.Element {
  const words = t().operate.callbacks;
  const [begin, setBegin] = useState("");
  const [end, setEnd] = useState("");
  const time = (local: string): string => new Date(local).toISOString();
  const call = (from: string): Promise<Schemas["ReplayShown"]> => ok(api.POST("/v1/callbacks/replay", { body: { from, ...(end ? { to: time(end) } : {}) } }));
  return (
    <Dialog title={words.replay} close={close}>
      <Form
        send={words.replaySend}
        cancel={close}
        act={async () => {
          let [from, sent]: [string | null, number] = [time(begin), 0];
          while (from) {
            const done: Schemas["ReplayShown"] = await call(from);
            sent += done.deliveries;
            from = done.next_from === from ? null : done.next_from;
          }
          renew("deliveries");
          say(words.replayed(sent), "good");
          close();
        }}
      >
        <p class="muted">{words.replayWords}</p>
        <Field label={words.from} value={begin} change={setBegin} type="datetime-local" required />
        <Field label={words.to} value={end} change={setEnd} type="datetime-local" hint={words.toHint} />
        {begin && <AsCurl act={() => call(time(begin))} />}
      </Form>
    </Dialog>
  );
}

const lastAnswer = (d: Delivery): string => {
  const last = d.attempts.at(-1);
  return last ? inWords(last.error_code, last.error) || `${last.status ?? "–"} ${last.answer.slice(0, 40)}` : "–";
};

const KINDS = ["on_publish", "on_unpublish", "on_record_begin", "on_record_end", "recording_updated"] as const;
const STATES = ["pending", "delivered", "refused", "dead"] as const;
const PAGE = 50;

/** The filters of the listing, which stand in the address. */
function useWanted(): { wanted: { state: "" | (typeof STATES)[number]; kind: "" | (typeof KINDS)[number]; stream: string; since: string; until: string }; filtered: boolean } {
  const query = useQuery();
  const wanted = {
    state: STATES.find((each) => each === query["state"]) ?? ("" as const),
    kind: KINDS.find((each) => each === query["kind"]) ?? ("" as const),
    stream: query["stream"] ?? "",
    since: query["since"] ?? "",
    until: query["until"] ?? "",
  };
  return { wanted, filtered: Object.values(wanted).some(Boolean) };
}

function Filters({ wanted }: { wanted: ReturnType<typeof useWanted>["wanted"] }): JSX.Element {
  const words = t().operate.callbacks;
  const { route } = useLocation();
  const set = (name: keyof typeof wanted) => (value: string) => route(queried({ ...wanted, [name]: value }), true);
  const any = { value: "", label: words.any };
  return (
    <div class="row filters">
      <Field label={t().recordings.state} value={wanted.state} change={set("state")} options={[any, ...STATES.map((value) => ({ value, label: t().callbacks.states[value] ?? value }))]} />
      <Field label={t().callbacks.event} value={wanted.kind} change={set("kind")} options={[any, ...KINDS.map((value) => ({ value, label: value }))]} />
      <Field label={t().recordings.stream} value={wanted.stream} change={set("stream")} type="search" placeholder="live/show" />
      <Field label={words.since} value={wanted.since} change={set("since")} type="datetime-local" />
      <Field label={words.until} value={wanted.until} change={set("until")} type="datetime-local" />
    </div>
  );
}

export function Callbacks({ id }: PageProps): JSX.Element {
  const words = t().callbacks;
  const more = t().operate.callbacks;
  const { route } = useLocation();
  const { wanted, filtered } = useWanted();
  const [replaying, setReplaying] = useState(false);
  const time = (local: string): string | undefined => (local && !Number.isNaN(Date.parse(local)) ? new Date(local).toISOString() : undefined);
  const query = {
    limit: PAGE,
    kind: wanted.kind,
    stream: wanted.stream,
    ...(wanted.state ? { state: wanted.state } : {}),
    ...(time(wanted.since) ? { since: time(wanted.since) as string } : {}),
    ...(time(wanted.until) ? { until: time(wanted.until) as string } : {}),
  };
  const deliveries = usePaged<Delivery>("deliveries", JSON.stringify(query), PAGE, (cursor, signal) => ok(api.GET("/v1/deliveries", { params: { query: { ...query, ...(cursor ? { cursor } : {}) } }, signal })), 3000);
  const one = useAsked(["deliveries", id], (signal) => ok(api.GET("/v1/deliveries/{delivery}", { params: { path: { delivery: id } }, signal })), { enabled: id !== "", every: 2000 });
  return (
    <Page title={words.title} action={<Button press={() => setReplaying(true)}>{more.replay}</Button>}>
      <div class="columns">
        <Target />
        <Signing />
      </div>
      <h2>{words.deliveries}</h2>
      <Filters wanted={wanted} />
      {!deliveries.items && <Waiting error={deliveries.asked.error} again={deliveries.asked.again} />}
      {deliveries.items?.length === 0 && !deliveries.next && <Empty words={filtered ? more.noneFound : words.none} />}
      {(deliveries.items?.length ?? 0) > 0 && (
        <Table
          label={words.deliveries}
          rows={deliveries.items ?? []}
          columns={[
            { head: words.event, cell: (d) => <a href={to(`callbacks/${d.id}`)}>{d.action}</a> },
            { head: t().recordings.state, cell: (d) => <State tone={TONES[d.state] ?? "grey"}>{words.states[d.state] ?? d.state}</State> },
            { head: t().recordings.stream, cell: (d) => d.stream || "–" },
            { head: words.made, cell: (d) => <Time at={d.created_at} /> },
            { head: words.tries, cell: (d) => d.attempts.length, number: true },
            { head: more.lastAnswer, cell: (d) => lastAnswer(d) },
          ]}
        />
      )}
      <Pager of={deliveries} />
      {replaying && <Replay close={() => setReplaying(false)} />}
      <Verifier />
      {id && !one.data && one.error && (
        <p class="why" role="alert">
          {one.error.status === 404 ? more.gone : wordsOf(one.error)}
        </p>
      )}
      {id && one.data && <Panel delivery={one.data} close={() => route(to("callbacks"))} />}
    </Page>
  );
}
