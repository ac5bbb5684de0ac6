import type { JSX } from "preact";
import { useLocation } from "preact-iso";
import type { PageProps } from "../app";
import { useAllTargets, useNodes, type LedgerEvent } from "../api/asked";
import { api, ok, type Schemas } from "../api/client";
import { withoutRepeats } from "../events";
import { t, toldOf } from "../i18n";
import type { Said } from "../i18n/told";
import { jsonLines, merged } from "../timeline";
import { queried, useQuery } from "../ui/address";
import { useLog } from "../ui/log";
import { Button, Empty, Field, Page, Time, Waiting } from "../ui/parts";
import { Table } from "../ui/table";
import { Told } from "../ui/told";

type Audit = Schemas["AuditShown"];
const PAGE = 50;
const NAMES = ["show", "kind", "stream", "node", "who"] as const;
type Wanted = Record<(typeof NAMES)[number], string>;

const isAudit = (entry: LedgerEvent | Audit): entry is Audit => "action" in entry;

interface Row {
  id: string;
  at: string;
  what: string;
  about: string;
  more: Said[];
}

const plain = (words: string): Said => ({ words, said: "" });

/** Why something happened, as an event tells it. */
const whyOf = (data: LedgerEvent["data"], field: "reason" | "last_error"): Said => toldOf(String(data["code"] ?? ""), String(data[field] ?? ""), (data["params"] ?? {}) as Record<string, unknown>);

/** What a push did, in words: its state, and why where it waits. */
function pushed(data: LedgerEvent["data"]): Said[] {
  const state = String(data["state"]);
  const waits = state === "retrying" || state === "waiting";
  return [plain(t().restream.states[state] ?? state), ...(waits ? [whyOf(data, "last_error")] : [])];
}

/** What became of what an event tells of. */
function stateWords(data: LedgerEvent["data"]): string {
  const words = t().health.activity.states;
  const state = String(data["state"] ?? (typeof data["up"] === "boolean" ? (data["up"] ? "up" : "down") : ""));
  return words[state] ?? t().restream.states[state] ?? state;
}

function row(entry: LedgerEvent | Audit, names: ReadonlyMap<string, string>): Row {
  if (isAudit(entry)) return { id: entry.id, at: entry.at, what: t().activity.changed(entry.who, t().audit[entry.action] ?? entry.action), about: entry.path, more: [plain(t().health.activity.outcomes[entry.outcome] ?? "")] };
  const more = entry.kind === "push.state" ? pushed(entry.data) : [plain(stateWords(entry.data)), whyOf(entry.data, "reason"), plain(String(entry.data["client_ip"] ?? ""))];
  const to_ = names.get(String(entry.data["destination"] ?? ""));
  if (to_) return { id: entry.id, at: entry.at, what: t().events[entry.kind] ?? entry.kind, about: `${entry.stream ?? ""} → ${to_}`, more };
  return { id: entry.id, at: entry.at, what: t().events[entry.kind] ?? entry.kind, about: entry.stream ?? String(entry.data["name"] ?? ""), more };
}

const More = ({ of }: { of: readonly Said[] }): JSX.Element => (
  <span class="muted">
    {of
      .filter((each) => each.words)
      .map((each, at) => (
        <>
          {at > 0 && " · "}
          <Told of={each} />
        </>
      ))}
  </span>
);

function save(entries: readonly unknown[]): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([jsonLines(entries)], { type: "application/x-ndjson" }));
  link.download = `activity-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.jsonl`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function Filters({ wanted }: { wanted: Wanted }): JSX.Element {
  const words = t().health.activity;
  const { route } = useLocation();
  const nodes = useNodes().data?.items ?? [];
  const set = (name: keyof Wanted) => (value: string) => route(queried({ ...wanted, [name]: value }), true);
  const any = { value: "", label: words.any };
  return (
    <div class="row filters">
      <Field
        label={words.show}
        value={wanted.show}
        change={set("show")}
        options={[
          { value: "", label: words.both },
          { value: "events", label: words.onlyEvents },
          { value: "changes", label: words.onlyChanges },
        ]}
      />
      {wanted.show !== "changes" && (
        <>
          <Field label={words.kind} value={wanted.kind} change={set("kind")} options={[any, ...Object.entries(words.kinds).map(([value, label]) => ({ value, label }))]} />
          <Field label={words.stream} value={wanted.stream} change={set("stream")} type="search" placeholder="live/show" />
          <Field label={words.edge} value={wanted.node} change={set("node")} options={[any, ...nodes.map((n) => ({ value: n.id, label: n.name || n.id }))]} />
        </>
      )}
      {wanted.show !== "events" && <Field label={words.who} value={wanted.who} change={set("who")} type="search" />}
    </div>
  );
}

/** What happened to streams, and who changed what, in one time line. */
export function Activity(_: PageProps): JSX.Element {
  const words = t().activity;
  const more = t().health.activity;
  const query = useQuery();
  const wanted = Object.fromEntries(NAMES.map((name) => [name, query[name] ?? ""])) as Wanted;
  const { kind, stream, node, who } = wanted;
  // What asks for one kind alone asks for nothing of the other.
  const events = useLog<LedgerEvent>(["events", { kind, stream, node }], (cursor, signal) => ok(api.GET("/v1/events", { params: { query: { limit: PAGE, kind, stream, node, ...(cursor ? { cursor } : {}) } }, ...(signal ? { signal } : {}) })), {
    every: 3000,
    enabled: wanted.show !== "changes" && !who,
  });
  const audit = useLog<Audit>(["audit", { who }], (cursor, signal) => ok(api.GET("/v1/audit", { params: { query: { limit: PAGE, who, ...(cursor ? { cursor } : {}) } }, ...(signal ? { signal } : {}) })), {
    every: 5000,
    enabled: wanted.show !== "events" && !kind && !stream && !node,
  });
  const entries = merged({ items: withoutRepeats(events.items), whole: events.whole }, audit);
  const targets = useAllTargets();
  const names = new Map((targets.data?.items ?? []).map((d) => [d.id, d.name]));
  // What comes later would come in between.
  const whole = [events.ready || events.error, audit.ready || audit.error, targets.data || targets.error].every(Boolean);
  const filtered = NAMES.some((name) => wanted[name]);
  return (
    <Page title={words.title} action={<Button disabled={entries.length === 0} press={() => save(entries)}>{more.export}</Button>}>
      <Filters wanted={wanted} />
      {(!whole || !events.ready) && <Waiting error={events.error} again={events.again} />}
      {whole && !audit.ready && events.ready && <Waiting error={audit.error} again={audit.again} />}
      {whole && events.ready && audit.ready && entries.length === 0 && <Empty words={filtered ? more.noneFound : words.none} />}
      {whole && entries.length > 0 && (
        <Table
          label={words.title}
          rows={entries.map((entry) => row(entry, names))}
          columns={[
            { head: words.at, cell: (r) => <Time at={r.at} /> },
            { head: words.what, cell: (r) => r.what, wraps: true },
            { head: words.about, cell: (r) => r.about, wraps: true },
            { head: words.more, cell: (r) => <More of={r.more} />, wraps: true },
          ]}
        />
      )}
      {events.ready && audit.ready && (!events.whole || !audit.whole) && (
        <Button
          press={async () => {
            await Promise.all([events.more(), audit.more()]);
          }}
        >
          {more.more}
        </Button>
      )}
    </Page>
  );
}
