import { expect, it } from "vitest";
import { withoutRepeats } from "./events";

const push = (id: string, state: string, destination = "d") => ({
  id,
  at: "2026-01-01T00:00:00Z",
  kind: "push.state",
  node: "n",
  session: "s",
  stream: "live/x",
  data: { state, destination },
});

it("a push that says the same again is left out, one that changed is not", () => {
  const newestFirst = [push("6", "running"), push("5", "retrying"), push("4", "running"), push("3", "running", "e"), push("2", "running"), push("1", "starting")];
  expect(withoutRepeats(newestFirst).map((e) => e.id)).toEqual(["6", "5", "3", "2", "1"]);
});
