import { expect, it } from "vitest";
import { pages } from "./pages";

const DATA = [1, 2, 3, 4, 5];
const load = async (cursor: string | undefined): Promise<{ items: number[]; cursor: string | null }> => {
  const at = Number(cursor ?? 0);
  return { items: DATA.slice(at, at + 2), cursor: at + 2 < DATA.length ? String(at + 2) : null };
};

it("pages follow each other, and end", async () => {
  expect(await pages(1, load)).toEqual({ items: [1, 2], cursor: "2" });
  expect(await pages(2, load)).toEqual({ items: [1, 2, 3, 4], cursor: "4" });
  expect(await pages(9, load)).toEqual({ items: DATA, cursor: null });
});
