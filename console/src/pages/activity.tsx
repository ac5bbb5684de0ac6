import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { PageProps } from "../app";
import { api, ok } from "../api/client";
import { useAsked } from "../api/query";
import { withoutRepeats } from "../events";
import { t } from "../i18n";
import { Empty, Field, Page, Time, Waiting } from "../ui/parts";
import { Table } from "../ui/table";

interface Row {
  id: string;
  at: string;
  what: string;
  about: string;
  more: string;
}

/** What happened to streams, and who changed what, in one time line. */
export function Activity(_: PageProps): JSX.Element {
  const words = t().activity;
  const [filter, setFilter] = useState("");
  const limit = { params: { query: { limit: 100 } } };
  const events = useAsked(["events"], (signal) => ok(api.GET("/v1/events", { ...limit, signal })), { every: 3000 });
  const audit = useAsked(["audit"], (signal) => ok(api.GET("/v1/audit", { ...limit, signal })), { every: 5000 });
  const kinds = t().events;
  const rows: Row[] = [
    ...withoutRepeats(events.data?.items ?? []).map((e) => ({
      id: e.id,
      at: e.at,
      what: kinds[e.kind] ?? e.kind,
      about: e.stream ?? "",
      more: [e.data["state"], e.data["reason"], e.data["client_ip"]].filter(Boolean).join(" · "),
    })),
    ...(audit.data?.items ?? []).map((a) => ({ id: a.id, at: a.at, what: words.changed(a.who, a.action), about: a.path, more: a.outcome === "done" ? "" : a.outcome })),
  ].sort((a, b) => b.at.localeCompare(a.at));
  const wanted = filter.trim().toLowerCase();
  const shown = rows.filter((r) => !wanted || `${r.what} ${r.about} ${r.more}`.toLowerCase().includes(wanted));
  return (
    <Page title={words.title} filter={<Field label={words.filter} value={filter} change={setFilter} type="search" />}>
      {!events.data && <Waiting error={events.error} again={events.again} />}
      {events.data && shown.length === 0 && <Empty words={words.none} />}
      {shown.length > 0 && (
        <Table
          label={words.title}
          rows={shown}
          columns={[
            { head: words.at, cell: (r) => <Time at={r.at} /> },
            { head: words.what, cell: (r) => r.what },
            { head: words.about, cell: (r) => r.about },
            { head: words.more, cell: (r) => <span class="muted">{r.more}</span> },
          ]}
        />
      )}
    </Page>
  );
}
