import { describe, expect, it } from "vitest";
import { Ages, columns, sum } from "./numbers";

const point = (at: number, kbps: number | null, viewers = 0): { at: number; kbps: number | null; viewers: number } => ({ at, kbps, viewers });

describe("numbers over time", () => {
  it("leaves gaps where nothing is known", () => {
    expect(columns([point(10, 5, 1), point(40, null, 2)], 10, 5, 50)).toEqual([
      [0, 10, 20, 30, 40, 50],
      [null, 5, null, null, null, null],
      [null, 1, null, null, 2, null],
    ]);
  });

  it("says least, most and last, of what is known", () => {
    expect(sum([point(0, 3, 9), point(10, 7), point(20, null), point(30, 5)])).toEqual({ least: 3, most: 7, last: 5, viewers: 9 });
    expect(sum([point(0, null)])).toBeNull();
  });

  it("counts age from when a number last changed, whatever the server's clock says", () => {
    const ages = new Ages();
    expect(ages.of("a", "2020", 1000)).toBe(0);
    expect(ages.of("a", "2020", 13_000)).toBe(12);
    expect(ages.of("a", "1990", 14_000)).toBe(0);
    expect(ages.of("b", null, 14_000)).toBe(0);
  });
});
