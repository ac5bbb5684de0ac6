/** The order of things that are moved by hand: it is seen at once, and the API is told of one move after the other. */
import { useRef, useState } from "preact/hooks";
import { moved } from "../order";

/** The ids when one of them takes the place `to`, counted from 0; beyond the ends is at the ends. */
export function movedTo(ids: readonly string[], id: string, to: number): string[] {
  return moved(ids, ids.indexOf(id), to);
}

/** Items in the order of the ids; those that have none keep their order behind the others. */
export function inOrder<T extends { id: string }>(items: readonly T[], ids: readonly string[]): T[] {
  const place = new Map(ids.map((id, at) => [id, at]));
  return [...items].sort((a, b) => (place.get(a.id) ?? ids.length) - (place.get(b.id) ?? ids.length));
}

interface Order<T> {
  /** Items as they are to be shown. */
  shown: (items: T[]) => T[];
  /** Moves one, among these ids. */
  move: (ids: readonly string[], id: string, to: number) => void;
}

/** `tell` tells the API of a move (the place counts from 1); `failed` is told when it says no, and the API's own order holds again. */
export function useOrder<T extends { id: string }>(tell: (id: string, place: number) => Promise<unknown>, failed: (error: unknown) => void): Order<T> {
  const [ids, setIds] = useState<readonly string[] | null>(null);
  const last = useRef<Promise<unknown>>(Promise.resolve());
  const waiting = useRef(0);
  return {
    shown: (items) => (ids ? inOrder(items, ids) : items),
    move: (now, id, to) => {
      const next = movedTo(ids ? inOrder(now.map((each) => ({ id: each })), ids).map((each) => each.id) : now, id, to);
      setIds(next);
      waiting.current += 1;
      last.current = last.current
        .then(() => tell(id, next.indexOf(id) + 1))
        .catch(failed)
        .finally(() => {
          waiting.current -= 1;
          if (waiting.current === 0) setIds(null);
        });
    },
  };
}
