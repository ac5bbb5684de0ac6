/** Events and changes in one line of time, as far down as both are known. */

export interface Loaded<T> {
  /** Newest first. */
  items: readonly T[];
  /** Whether all there is was loaded. */
  whole: boolean;
}

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
