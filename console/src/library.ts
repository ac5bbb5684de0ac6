/** What of the library is shown, as it stands in the address of the page. */
export interface Filters {
  q: string;
  state: string;
  node: string;
  from: string;
  to: string;
  sort: string;
  trashed: string;
  unremoved: string;
}

const NAMES = ["q", "state", "node", "from", "to", "sort", "trashed", "unremoved"] as const;
export const NONE: Filters = { q: "", state: "", node: "", from: "", to: "", sort: "", trashed: "", unremoved: "" };
const STATES = ["recording", "finishing", "ready", "failed"];
const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** The filters of an address; what makes no sense counts as not there. */
export function filtersOf(query: Readonly<Record<string, string>>): Filters {
  const found = { ...NONE };
  for (const name of NAMES) found[name] = query[name] ?? "";
  if (!STATES.includes(found.state)) found.state = "";
  if (!DAY.test(found.from)) found.from = "";
  if (!DAY.test(found.to)) found.to = "";
  if (found.sort !== "started_at") found.sort = "";
  if (found.trashed !== "true") found.trashed = "";
  if (found.unremoved !== "true" || found.trashed) found.unremoved = "";
  return found;
}

/** The filters as the end of an address; '' for none. */
export function searchOf(filters: Filters): string {
  const set = NAMES.filter((name) => filters[name]).map((name) => `${name}=${encodeURIComponent(filters[name])}`);
  return set.length ? `?${set.join("&")}` : "";
}

/** The beginning of a day in the user's own zone, `days` later, as the API takes it; undefined where none is given. */
function dayAt(day: string, days: number): string | undefined {
  if (!DAY.test(day)) return undefined;
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  const at = new Date(year, month - 1, date + days);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

/** What the API is asked for. `to` is the last day that is shown. */
export function askedOf(filters: Filters): Record<string, string | boolean> {
  const asked = {
    q: filters.q.trim() || undefined,
    state: filters.state || undefined,
    node: filters.node || undefined,
    from: dayAt(filters.from, 0),
    to: dayAt(filters.to, 1),
    sort: filters.sort || undefined,
    trashed: filters.trashed ? true : undefined,
    unremoved: filters.unremoved ? true : undefined,
  };
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)) as Record<string, string | boolean>;
}
