/** Several pages of a listing as one: what was loaded stays loaded while it is asked again. */

/** A search that finds little is read on so often at most before it is shown. */
const MOST_READS = 20;

export interface PageOf<T> {
  items: T[];
  cursor?: string | null | undefined;
  total?: number;
}

/** The first `count` pages, each behind the one before; the cursor is that of the last. */
export async function pages<T>(count: number, load: (cursor: string | undefined) => Promise<PageOf<T>>): Promise<PageOf<T>> {
  const all: PageOf<T> = { items: [], cursor: null };
  for (let n = 0; n < count; n++) {
    const page = await load(all.cursor ?? undefined);
    all.items.push(...page.items);
    all.cursor = page.cursor ?? null;
    if (!all.cursor) break;
  }
  return all;
}

/** A page as full as it can be: the API gives less than was asked for where it looked through much and found little. */
export async function filled<T>(size: number, cursor: string | undefined, load: (cursor: string | undefined) => Promise<PageOf<T>>): Promise<PageOf<T>> {
  const page = await load(cursor);
  const items = [...page.items];
  let { cursor: next } = page;
  for (let n = 1; next && items.length < size && n < MOST_READS; n++) {
    const more: PageOf<T> = await load(next);
    items.push(...more.items);
    next = more.cursor;
  }
  return { ...page, items, cursor: next };
}
