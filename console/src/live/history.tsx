import type { JSX } from "preact";
import { lazy } from "preact-iso";
import { useMemo, useState } from "preact/hooks";
import { api, ok } from "../api/client";
import { useAsked } from "../api/query";
import { rate } from "../format";
import { t } from "../i18n";
import { Time, Waiting } from "../ui/parts";
import { Table } from "../ui/table";
import { columns, sum } from "./numbers";

const Graph = lazy(() => import("./graph").then((m) => m.Graph));
const SPANS = { hour: { step: "10", seconds: 3600, every: 5000 }, day: { step: "60", seconds: 86_400, every: 60_000 } } as const;
type Span = keyof typeof SPANS;
/** So many steps stand in the table, the newest first. */
const ROWS = 60;

/** Bitrate and viewers of a session over the last hour or day: lines, words, and a table for who wants numbers. */
export function History({ session }: { session: string }): JSX.Element {
  const [span, setSpan] = useState<Span>("hour");
  const [open, setOpen] = useState(false);
  const words = t().graph;
  const { step, seconds, every } = SPANS[span];
  const path = { path: { session }, query: { step_s: step } } as const;
  const told = useAsked(["history", session, step], (signal) => ok(api.GET("/v1/streams/{session}/history", { params: path, signal })), { every });
  const points = told.data?.points ?? [];
  const last = points.at(-1)?.at ?? 0;
  const first = Math.max(points[0]?.at ?? 0, last - seconds);
  const data = useMemo(() => columns(points, Number(step), first, last), [told.data]);
  const found = sum(points);
  const said = found ? words.said(rate(found.last), rate(found.least), rate(found.most), found.viewers) : words.none;
  return (
    <section class="history" aria-label={words.title}>
      <div class="row">
        <h3>{words.title}</h3>
        <div class="switch" role="group" aria-label={words.span}>
          {(Object.keys(SPANS) as Span[]).map((name) => (
            <button key={name} type="button" class="button" aria-pressed={span === name} onClick={() => setSpan(name)}>
              {words.spans[name]}
            </button>
          ))}
        </div>
      </div>
      {told.data ? (
        <>
          <div class="graph-place">{found && <Graph data={data} label={said} />}</div>
          <p class="hint">{said}</p>
          <details onToggle={(e) => setOpen(e.currentTarget.open)}>
            <summary>{words.table}</summary>
            {open && (
              <Table
                label={words.title}
                rows={points.slice(-ROWS).reverse().map((p) => ({ ...p, id: String(p.at) }))}
                columns={[
                  { head: words.time, cell: (p) => <Time at={new Date(p.at * 1000).toISOString()} /> },
                  { head: words.bitrate, cell: (p) => rate(p.kbps), number: true },
                  { head: words.viewers, cell: (p) => p.viewers, number: true },
                ]}
              />
            )}
          </details>
        </>
      ) : (
        <Waiting error={told.error} again={told.again} />
      )}
    </section>
  );
}
