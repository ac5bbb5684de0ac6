import { expect, it } from "vitest";
import { jsonLines, merged } from "./timeline";

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
