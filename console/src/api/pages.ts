/** Several pages of a listing as one: what was loaded stays loaded while it is asked again. */

interface Listing<T> {
  items: T[];
  cursor?: string | null;
}

/** The first `count` pages, each behind the one before; the cursor is that of the last. */
export async function pages<T>(count: number, load: (cursor: string | undefined) => Promise<Listing<T>>): Promise<Listing<T>> {
  const all: Listing<T> = { items: [], cursor: null };
  for (let n = 0; n < count; n++) {
    const page = await load(all.cursor ?? undefined);
    all.items.push(...page.items);
    all.cursor = page.cursor ?? null;
    if (!all.cursor) break;
  }
  return all;
}
