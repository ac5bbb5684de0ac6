import type { JSX } from "preact";
import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";
import type { PageProps } from "../app";
import { useNodes, type Recording } from "../api/asked";
import { api, ok } from "../api/client";
import { usePaged } from "../api/paged";
import { useAsked } from "../api/query";
import { duration, size } from "../format";
import { t } from "../i18n";
import { askedOf, filtersOf, NONE, searchOf, type Filters } from "../library";
import { to } from "../root";
import { Button, Empty, Field, Page, State, Time, Waiting } from "../ui/parts";
import { Pager } from "../ui/pager";
import { Search } from "../ui/search";
import { Table, type Column } from "../ui/table";
import { nameOf, Outlook, Panel, purgeAgain, Purging, RemovalWords, restore, TONES } from "./recording";

const PAGE = 50;
const STATES = ["recording", "finishing", "ready", "failed"] as const;

/** The filters of the address, and how to change them: there, so that a link shows what its sender saw. */
function useFilters(id: string): [Filters, (changed: Partial<Filters>) => void] {
  const { query, route } = useLocation();
  const filters = filtersOf(query);
  return [filters, (changed) => route(`${to(id ? `recordings/${id}` : "recordings")}${searchOf({ ...filters, ...changed })}`, true)];
}

type Place = "library" | "trashed" | "unremoved";

const placeOf = (filters: Filters): Place => (filters.trashed ? "trashed" : filters.unremoved ? "unremoved" : "library");

function FilterRow({ filters, change }: { filters: Filters; change: (changed: Partial<Filters>) => void }): JSX.Element {
  const words = t().recordings;
  const nodes = useNodes().data?.items ?? [];
  return (
    <div class="filters" role="search" aria-label={words.filters}>
      <Search label={words.filter} value={filters.q} change={(q) => change({ q })} />
      <Field
        label={words.place}
        value={placeOf(filters)}
        change={(place) => change({ trashed: place === "trashed" ? "true" : "", unremoved: place === "unremoved" ? "true" : "", state: "", sort: "" })}
        options={[
          { value: "library", label: words.library },
          { value: "trashed", label: words.trash },
          { value: "unremoved", label: words.unremoved },
        ]}
      />
      {!filters.unremoved && <Field label={words.state} value={filters.state} change={(state) => change({ state })} options={[{ value: "", label: words.any }, ...STATES.map((value) => ({ value, label: words.states[value] }))]} />}
      {nodes.length > 1 && <Field label={words.node} value={filters.node} change={(node) => change({ node })} options={[{ value: "", label: words.any }, ...nodes.map((n) => ({ value: n.id, label: n.name }))]} />}
      <Field label={words.from} type="date" value={filters.from} change={(from) => change({ from })} />
      <Field label={words.to} type="date" value={filters.to} change={(until) => change({ to: until })} />
      <Field
        label={words.sort}
        value={filters.sort}
        change={(sort) => change({ sort })}
        options={[
          { value: "", label: words.newest },
          { value: "started_at", label: words.oldest },
        ]}
      />
    </div>
  );
}

/** Of what could not be removed: why, and what becomes of it. */
function removalColumns(): Column<Recording>[] {
  const words = t().recordings;
  return [
    { head: words.why, cell: (r) => <RemovalWords of={r} />, wraps: true },
    { head: words.lastTry, cell: (r) => <Time at={r.removal?.at ?? null} /> },
    { head: words.state, cell: (r) => <Outlook recording={r} /> },
    {
      head: words.actions,
      cell: (r) => (
        <>
          <Button kind="quiet" label={`${words.tryAgain}: ${nameOf(r)}`} press={() => purgeAgain(r)}>
            {words.tryAgain}
          </Button>
          <Button kind="quiet" label={`${words.restore}: ${nameOf(r)}`} press={() => restore(r)}>
            {words.restore}
          </Button>
        </>
      ),
    },
  ];
}

function columns(search: string, place: Place, purge: (recording: Recording) => void): Column<Recording>[] {
  const words = t().recordings;
  const trashed = place === "trashed";
  const state: Column<Recording> = { head: words.state, cell: (r) => <State tone={TONES[r.state]}>{words.states[r.state]}</State> };
  const gone: Column<Recording> = { head: words.removed, cell: (r) => <Time at={r.trashed_at} /> };
  const back: Column<Recording> = {
    head: words.actions,
    cell: (r) => (
      <>
        <Button kind="quiet" label={`${words.restore}: ${nameOf(r)}`} press={() => restore(r)}>
          {words.restore}
        </Button>
        <Button kind="danger" label={`${words.purge}: ${nameOf(r)}`} press={() => purge(r)}>
          {words.purge}
        </Button>
      </>
    ),
  };
  const named: Column<Recording> = {
    head: words.stream,
    cell: (r) => (
      <>
        <a href={to(`recordings/${r.id}${search}`)}>{nameOf(r)}</a>
        {r.title && <span class="under">{r.stream}</span>}
      </>
    ),
  };
  if (place === "unremoved") return [named, ...removalColumns()];
  return [
    named,
    trashed ? gone : state,
    { head: words.began, cell: (r) => <Time at={r.started_at} /> },
    { head: words.length, cell: (r) => duration(r.duration_ms / 1000), number: true },
    { head: words.size, cell: (r) => size(r.mp4_bytes || r.bytes), number: true },
    { head: words.gapsHead, cell: (r) => r.gaps || "–", number: true },
    ...(trashed ? [back] : []),
  ];
}

function Nothing({ filters, clear }: { filters: Filters; clear: () => void }): JSX.Element {
  const words = t().recordings;
  const narrowed = searchOf({ ...filters, trashed: "", unremoved: "", sort: "" }) !== "";
  if (narrowed) return <Empty words={words.noneFits} action={<Button press={clear}>{words.clear}</Button>} />;
  if (filters.trashed) return <Empty words={words.noTrash} action={<Button press={clear}>{words.library}</Button>} />;
  if (filters.unremoved) return <Empty words={words.noneUnremoved} action={<Button press={clear}>{words.library}</Button>} />;
  return <Empty words={words.none} action={<a class="button primary" href={to("golive")}>{t().nav.golive}</a>} />;
}

export function Recordings({ id }: PageProps): JSX.Element {
  const words = t().recordings;
  const { route } = useLocation();
  const [filters, change] = useFilters(id);
  const list = usePaged<Recording>("recordings", searchOf(filters), PAGE, (cursor, signal) => ok(api.GET("/v1/recordings", { params: { query: { ...askedOf(filters), limit: PAGE, ...(cursor ? { cursor } : {}) } }, signal })), 3000);
  const { items, asked } = list;
  const [purging, setPurging] = useState<Recording | null>(null);
  const one = useAsked(["recordings", "one", id], (signal) => ok(api.GET("/v1/recordings/{recording}", { params: { path: { recording: id } }, signal })), {
    enabled: id !== "",
    every: 3000,
  });
  const search = searchOf(filters);
  return (
    <Page title={words.title}>
      <FilterRow filters={filters} change={change} />
      {!items && <Waiting error={asked.error} again={asked.again} />}
      {items?.length === 0 && !list.next && !list.back && <Nothing filters={filters} clear={() => change(NONE)} />}
      {items && items.length > 0 && <Table label={words.title} rows={items} columns={columns(search, placeOf(filters), setPurging)} />}
      <Pager of={list} />
      {id && one.data && one.error?.status !== 404 && <Panel key={id} recording={one.data} close={() => route(`${to("recordings")}${search}`)} />}
      {id && one.error?.status === 404 && <Empty words={words.gone} />}
      {purging && <Purging recording={purging} close={() => setPurging(null)} />}
    </Page>
  );
}
