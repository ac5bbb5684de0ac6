import { useRef, useState } from "preact/hooks";
import { useAsked, type Asked } from "./query";

interface PageOf<T> {
  items: T[];
  cursor?: string | null | undefined;
}

export interface Paged<T> {
  /** Undefined until there was an answer. What was shown stays while another filter is being asked for. */
  items: T[] | undefined;
  more: boolean;
  next: () => void;
  asked: Asked<unknown>;
}

/** The pages of a list that were asked for so far. `filter` names what is asked for: another one begins anew. */
export function usePaged<T>(name: string, filter: string, load: (cursor: string | undefined, signal: AbortSignal) => Promise<PageOf<T>>, every: number): Paged<T> {
  const [shown, setShown] = useState({ filter, pages: 1 });
  const pages = shown.filter === filter ? shown.pages : 1;
  const asked = useAsked(
    [name, filter, pages],
    async (signal) => {
      const items: T[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < pages; page++) {
        const got: PageOf<T> = await load(cursor, signal);
        items.push(...got.items);
        cursor = got.cursor ?? undefined;
        if (!cursor) break;
      }
      return { items, more: cursor !== undefined };
    },
    { every },
  );
  const last = useRef(asked.data);
  if (asked.data) last.current = asked.data;
  const data = asked.data ?? last.current;
  return { items: data?.items, more: data?.more ?? false, next: () => setShown({ filter, pages: pages + 1 }), asked };
}
