import { expect, it } from "vitest";
import { best, fitness } from "./fuzzy";

const THINGS = ["Live", "Go live", "Restream", "Recordings", "live/show", "Rooms", "直播间"];
const found = (typed: string): string[] => best(typed, THINGS, (thing) => thing, 3);

it("the best fit comes first", () => {
  expect(found("live")[0]).toBe("Live");
  expect(found("rec")[0]).toBe("Recordings");
  expect(found("rstr")).toEqual(["Restream"]);
  expect(found("gl")[0]).toBe("Go live");
  expect(found("直播")).toEqual(["直播间"]);
  expect(found("zzz")).toEqual([]);
});

it("nothing typed keeps the order", () => {
  expect(found("")).toEqual(["Live", "Go live", "Restream"]);
  expect(fitness("  ", "x")).toBe(1);
});

it("letters have to come in their order", () => {
  expect(fitness("evil", "live")).toBe(0);
  expect(fitness("(", "a(b)")).toBeGreaterThan(0);
});
