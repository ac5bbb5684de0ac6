import { expect, it } from "vitest";
import { jsonLines, merged, withNewest, withOlder, type Known } from "./timeline";

const at = (...seconds: number[]): { at: string }[] => seconds.map((s) => ({ at: new Date(s * 1000).toISOString() }));
const seconds = (items: { at: string }[]): number[] => items.map((item) => Date.parse(item.at) / 1000);

it("both are in one line, newest first", () => {
  expect(seconds(merged({ items: at(9, 5, 1), whole: true }, { items: at(8, 2), whole: true }))).toEqual([9, 8, 5, 2, 1]);
});

it("what is not known of both is not shown yet", () => {
  expect(seconds(merged({ items: at(9, 5, 1), whole: false }, { items: at(8, 6), whole: false }))).toEqual([9, 8, 6]);
  expect(seconds(merged({ items: at(9, 5, 1), whole: true }, { items: at(8, 6), whole: false }))).toEqual([9, 8, 6]);
  expect(seconds(merged({ items: at(9), whole: false }, { items: [], whole: true }))).toEqual([9]);
});

it("lines hold one each", () => {
  expect(jsonLines([{ a: "\n" }, 1])).toBe('{"a":"\\n"}\n1\n');
});

const ids = (...all: string[]): { id: string }[] => all.map((id) => ({ id }));
const NOTHING: Known<{ id: string }> = { items: new Map(), cursor: undefined };

it("a log grows at its top, and further down by hand", () => {
  const first = withNewest(NOTHING, { items: ids("d", "c"), cursor: "c" });
  const more = withOlder(first, { items: ids("b", "a"), cursor: null });
  const grown = withNewest(more, { items: ids("e", "d"), cursor: "d" });
  expect([...grown.items.keys()].sort()).toEqual(["a", "b", "c", "d", "e"]);
  expect(grown.cursor).toBe(null);
});

it("a log of which something is missing in between begins anew, with a way to the rest", () => {
  const known = withOlder(withNewest(NOTHING, { items: ids("d", "c"), cursor: "c" }), { items: ids("b", "a"), cursor: null });
  const later = withNewest(known, { items: ids("z", "y"), cursor: "y" });
  expect([...later.items.keys()]).toEqual(["z", "y"]);
  expect(later.cursor).toBe("y");
  // A part without anything of it, or without an end, is no sign of that.
  expect(withNewest(known, { items: [], cursor: "y" }).items.size).toBe(4);
  expect(withNewest(known, { items: ids("z"), cursor: null }).items.size).toBe(5);
});
