/** Events and changes in one line of time, as far down as both are known. */

export interface Loaded<T> {
  /** Newest first. */
  items: readonly T[];
  /** Whether all there is was loaded. */
  whole: boolean;
}

/** A part of a listing, newest first; with a cursor there is more behind it. */
export interface Listed<T> {
  items: T[];
  cursor?: string | null | undefined;
}

/** What is known of a log. The cursor is undefined before anything is, and null where its end is. */
export interface Known<T> {
  items: ReadonlyMap<string, T>;
  cursor: string | null | undefined;
}

/** What is known with the newest part of the log. Where that has nothing of what was known, something is missing in between (the page
 * was hidden for an hour): then it begins anew. */
export function withNewest<T extends { id: string }>(known: Known<T>, newest: Listed<T>): Known<T> {
  const apart = Boolean(newest.cursor) && newest.items.length > 0 && !newest.items.some((item) => known.items.has(item.id));
  if (known.cursor === undefined || apart) return { items: new Map(newest.items.map((item) => [item.id, item])), cursor: newest.cursor ?? null };
  return { ...known, items: new Map([...known.items, ...newest.items.map((item) => [item.id, item] as const)]) };
}

/** What is known with what is behind its end. */
export const withOlder = <T extends { id: string }>(known: Known<T>, older: Listed<T>): Known<T> => ({
  items: new Map([...known.items, ...older.items.map((item) => [item.id, item] as const)]),
  cursor: older.cursor ?? null,
});

interface At {
  at: string;
}

/** Down to the newest of the ends of what is loaded in part: below it, something of the other kind may be missing in between. */
export function merged<A extends At, B extends At>(one: Loaded<A>, other: Loaded<B>): (A | B)[] {
  const ends = [one, other].filter((each) => !each.whole && each.items.length > 0).map((each) => each.items.at(-1)?.at ?? "");
  const horizon = ends.reduce((a, b) => (Date.parse(a) > Date.parse(b) ? a : b), "");
  return [...one.items, ...other.items].filter((item) => !horizon || Date.parse(item.at) >= Date.parse(horizon)).sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
}

/** JSON, one a line. */
export const jsonLines = (items: readonly unknown[]): string => items.map((item) => `${JSON.stringify(item)}\n`).join("");
