import { describe, expect, it } from "vitest";
import { askedOf, filtersOf, NONE, searchOf } from "./library";

describe("filters of an address", () => {
  it("come back as they were", () => {
    const filters = { ...NONE, q: "a&b 晚", state: "ready", from: "2026-01-02", trashed: "true" };
    const query = Object.fromEntries(new URLSearchParams(searchOf(filters)));
    expect(filtersOf(query)).toEqual(filters);
    expect(filtersOf({ unremoved: "true" })).toEqual({ ...NONE, unremoved: "true" });
  });
  it("are none where there is nothing, or nonsense", () => {
    expect(searchOf(NONE)).toBe("");
    expect(filtersOf({ state: "evil", from: "yesterday", sort: "size", trashed: "1", other: "x" })).toEqual(NONE);
    expect(filtersOf({ trashed: "true", unremoved: "true" }).unremoved).toBe("");
  });
  it("ask the API for whole days", () => {
    const asked = askedOf({ ...NONE, from: "2026-01-02", to: "2026-01-02", q: "  " });
    expect(Date.parse(String(asked["to"])) - Date.parse(String(asked["from"]))).toBe(24 * 3600 * 1000);
    expect(Object.keys(asked)).toEqual(["from", "to"]);
  });
});
