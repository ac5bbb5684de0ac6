import { describe, expect, it } from "vitest";
import { around, place, rows, span, type Item, type Life } from "./axis";

const at = (seconds: number): string => new Date(seconds * 1000).toISOString();
const item = (lane: Item["lane"], from: number, to: number | null, name = ""): Item => ({ lane, name, at: at(from), until: to === null ? null : at(to), state: "running", code: "", text: "", params: {} });

const life = (items: Item[], ended: number | null = 200): Life =>
  ({ session: { admitted_at: at(100), ended_at: ended === null ? null : at(ended) }, now: at(300), items, whole: true }) as unknown as Life;

describe("a life on an axis", () => {
  const whole = life([item("publish", 100, 200), item("push", 110, 150, "B"), item("push", 120, 200, "A"), item("push", 150, 190, "B"), item("refusal", 90, 90)]);

  it("goes from the first to the last of all there is", () => {
    const [begin, end] = span(whole);
    expect(begin).toBeLessThan(90_000);
    expect(end).toBeGreaterThan(200_000);
    expect(span(life([item("publish", 100, null)], null))[1]).toBe(300_000);
  });

  it("has a line for each destination and none for what there is nothing of", () => {
    expect(rows(whole).map((r) => [r.lane, r.name, r.items.length])).toEqual([["publish", "", 1], ["push", "B", 2], ["push", "A", 1], ["refusal", "", 1]]);
    expect(rows(life([]))).toEqual([]);
  });

  it("shows also what lasts no time", () => {
    const axis = span(whole);
    for (const i of whole.items) {
      const [left, width] = place(i, whole.now, axis);
      expect(left).toBeGreaterThanOrEqual(0);
      expect(width).toBeGreaterThanOrEqual(4);
      expect(left + width).toBeLessThanOrEqual(1000);
    }
  });

  it("tells of a moment what went on then", () => {
    const axis = span(whole);
    expect(around(whole, 115_000, axis).map((i) => i.lane)).toEqual(["publish", "push"]);
    expect(around(whole, 90_000, axis).map((i) => i.lane)).toEqual(["refusal"]);
    expect(around(whole, 95_000, axis)).toEqual([]);
  });
});
