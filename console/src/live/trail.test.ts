import { describe, expect, it } from "vitest";
import { Trail } from "./trail";

describe("the trail of a bitrate", () => {
  it("draws what was told, once, and leaves gaps", () => {
    const trail = new Trail(100);
    trail.add("a", "1", 500, 0);
    trail.add("a", "1", 500, 5);
    trail.add("a", "2", 1000, 50);
    trail.add("a", "3", null, 60);
    trail.add("a", "4", 1000, 100);
    expect(trail.lines("a", 100)).toEqual(["0.0,10.5 50.0,2.0"]);
    expect(trail.lines("b", 100)).toEqual([]);
  });

  it("forgets what is old or gone", () => {
    const trail = new Trail(100);
    trail.add("a", "1", 1, 0);
    trail.add("a", "2", 1, 150);
    trail.add("a", "3", 1, 200);
    expect(trail.lines("a", 200)).toEqual(["50.0,2.0 100.0,2.0"]);
    trail.keep(new Set());
    expect(trail.lines("a", 200)).toEqual([]);
  });
});
