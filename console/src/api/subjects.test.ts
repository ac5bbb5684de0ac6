import { describe, expect, it } from "vitest";
import { FED, keysOf } from "./subjects";

describe("what a change concerns", () => {
  it("is its subject and what is made of it, once", () => {
    expect(keysOf(["rooms", "settings", "audit"])).toEqual(["rooms", "addresses", "settings", "audit"]);
    expect(keysOf([])).toEqual([]);
  });

  it("does not slow down what the feed does not tell of", () => {
    for (const key of ["history", "addresses", "me", "platforms"]) expect(FED.has(key)).toBe(false);
  });
});
