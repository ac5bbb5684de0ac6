import { expect, it } from "vitest";
import { inOrder, movedTo } from "./order";

it("one takes its place and the others keep their order", () => {
  expect(movedTo(["a", "b", "c"], "c", 0)).toEqual(["c", "a", "b"]);
  expect(movedTo(["a", "b", "c"], "a", 1)).toEqual(["b", "a", "c"]);
  expect(movedTo(["a", "b", "c"], "b", -5)).toEqual(["b", "a", "c"]);
  expect(movedTo(["a", "b", "c"], "a", 99)).toEqual(["b", "c", "a"]);
});

it("what came meanwhile stands at the end", () => {
  expect(inOrder([{ id: "new" }, { id: "a" }, { id: "b" }], ["b", "a"]).map((i) => i.id)).toEqual(["b", "a", "new"]);
});
