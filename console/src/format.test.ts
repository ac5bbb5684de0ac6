import { describe, expect, it } from "vitest";
import { duration, rate, size, streamPath, when } from "./format";

describe("what is shown of numbers", () => {
  it.each([
    [0, "0:00"],
    [59.9, "0:59"],
    [61, "1:01"],
    [3600, "1:00:00"],
    [-5, "0:00"],
  ])("%d seconds are %s", (seconds, text) => expect(duration(seconds)).toBe(text));

  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1500, "1.5 kB"],
    [35_000_000, "35 MB"],
    [7.4e15, "7400 TB"],
  ])("%d bytes are %s", (bytes, text) => expect(size(bytes)).toBe(text));

  it("an unknown rate is a dash, never a number", () => {
    expect(rate(null)).toBe("–");
    expect(rate(950.4)).toBe("950 kbit/s");
    expect(rate(12_345)).toBe("12.3 Mbit/s");
  });

  it("today's time has no date", () => {
    const now = new Date();
    expect(when(now.toISOString(), now)).not.toContain(String(now.getFullYear()));
    expect(when("2001-02-03T04:05:06Z", now)).toContain("2001");
  });

  it("parts of a stream's name are encoded, its slashes stay", () => {
    expect(streamPath("live/直播 1")).toBe("live/%E7%9B%B4%E6%92%AD%201");
  });
});
