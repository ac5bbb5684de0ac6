import { useRef, useState } from "preact/hooks";
import { filled, type PageOf } from "./pages";
import { useAsked, type Asked } from "./query";

export interface Paged<T> {
  /** Undefined until there was an answer. What was shown stays while another page or filter is being asked for. */
  items: T[] | undefined;
  /** Where the first of them stands in the whole list, from 0. */
  at: number;
  /** How long the list is; undefined where the API does not say. */
  total: number | undefined;
  next: (() => void) | undefined;
  back: (() => void) | undefined;
  /** Whether what is shown is a part of a longer list. */
  part: boolean;
  asked: Asked<unknown>;
}

/** One page of a list, however long it is: what is asked for again and again, and drawn, stays as much. `filter` names what is asked
 * for: another one begins anew. `size`: how many are on a page. */
export function usePaged<T>(name: string, filter: string, size: number, load: (cursor: string | undefined, signal: AbortSignal) => Promise<PageOf<T>>, every: number): Paged<T> {
  const [turned, setTurned] = useState<{ filter: string; cursors: readonly string[] }>({ filter, cursors: [] });
  const cursors = turned.filter === filter ? turned.cursors : [];
  const cursor = cursors.at(-1);
  const asked = useAsked([name, "page", filter, cursor ?? ""], async (signal) => ({ ...(await filled(size, cursor, (from) => load(from, signal))), at: cursors.length * size }), { every });
  const last = useRef(asked.data);
  if (asked.data) last.current = asked.data;
  const data = asked.data ?? last.current;
  const next = data?.cursor;
  const turn = (to: readonly string[]): void => {
    setTurned({ filter, cursors: to });
    scrollTo({ top: 0 });
  };
  return {
    items: data?.items,
    at: data?.at ?? 0,
    total: data?.total,
    next: next && asked.data ? () => turn([...cursors, next]) : undefined,
    part: Boolean(next || data?.at || cursors.length),
    back: cursors.length ? () => turn(cursors.slice(0, -1)) : undefined,
    asked,
  };
}
