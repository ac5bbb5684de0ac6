import type { Schemas } from "../api/client";

export type Item = Schemas["LifeItemShown"];
export type Life = Schemas["LifeShown"];

/** One line of the picture: what belongs together, in its order. */
export interface Row {
  lane: Item["lane"];
  name: string;
  items: Item[];
}

const LANES: readonly Item["lane"][] = ["publish", "push", "recording", "callback", "refusal"];
const MARGIN = 0.02;

const ms = (at: string): number => Date.parse(at);

/** From when to when the axis goes, in ms: all there is, with a little room. */
export function span(life: Life): [begin: number, end: number] {
  const ends = life.items.map((i) => ms(i.until ?? life.now));
  const begin = Math.min(ms(life.session.admitted_at), ...life.items.map((i) => ms(i.at)));
  const end = Math.max(ms(life.session.ended_at ?? life.now), ...ends, begin + 1000);
  const room = (end - begin) * MARGIN;
  return [begin - room, end + (life.session.ended_at ? room : 0)];
}

/** The lines of the picture. Each destination has one; callbacks and refusals have one for all. */
export function rows(life: Life): Row[] {
  return LANES.flatMap((lane) => {
    const items = life.items.filter((i) => i.lane === lane);
    const names = lane === "push" ? [...new Set(items.map((i) => i.name))] : [""];
    return items.length === 0 ? [] : names.map((name) => ({ lane, name, items: lane === "push" ? items.filter((i) => i.name === name) : items }));
  });
}

/** Where something stands on an axis of 1000: its left and its width, which is never nothing. */
export function place(item: Item, now: string, [begin, end]: [number, number]): [left: number, width: number] {
  const at = (time: number): number => ((time - begin) / (end - begin)) * 1000;
  const left = at(ms(item.at));
  return [left, Math.max(at(ms(item.until ?? now)) - left, 4)];
}

/** What went on at a moment (ms), or happened next to it. */
export function around(life: Life, moment: number, [begin, end]: [number, number]): Item[] {
  const near = (end - begin) / 200;
  return life.items.filter((i) => {
    const [from, to] = [ms(i.at), ms(i.until ?? life.now)];
    const short = to - from < near;
    return from - (short ? near : 0) <= moment && moment <= to + (short ? near : 0);
  });
}
