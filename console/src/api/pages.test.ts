import { expect, it } from "vitest";
import { filled, pages } from "./pages";

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

/** A list of which each read looks through three, and gives the even ones. */
const read = async (cursor: string | undefined): Promise<{ items: number[]; cursor: string | null }> => {
  const from = Number(cursor ?? 0);
  return { items: [from, from + 1, from + 2].filter((n) => n % 2 === 0), cursor: from < 27 ? String(from + 3) : null };
};

it("a page is read on until it is full, and goes on where it ended", async () => {
  const first = await filled(5, undefined, read);
  expect(first.items).toEqual([0, 2, 4, 6, 8]);
  expect((await filled(5, first.cursor ?? undefined, read)).items[0]).toBe(10);
});

it("it ends with the list, and after so many reads that found nothing", async () => {
  expect((await filled(100, undefined, read)).cursor).toBeNull();
  let reads = 0;
  const nothing = await filled(1, undefined, async () => ({ items: [], cursor: String(++reads) }));
  expect([reads, nothing.cursor]).toEqual([20, "20"]);
});
