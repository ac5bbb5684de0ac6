import { expect, it } from "vitest";
import { moved } from "./order";

it("moves one and keeps all", () => {
  expect(moved(["a", "b", "c"], 0, 2)).toEqual(["b", "c", "a"]);
  expect(moved(["a", "b", "c"], 2, 0)).toEqual(["c", "a", "b"]);
  expect(moved(["a", "b"], 0, 9)).toEqual(["b", "a"]);
  expect(moved(["a", "b"], 1, -3)).toEqual(["b", "a"]);
  expect(moved(["a"], 7, 0)).toEqual(["a"]);
});
