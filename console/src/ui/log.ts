/** A listing that grows at its top while it is looked at, and is read further down by hand. */
import { useEffect, useRef, useState } from "preact/hooks";
import { useAsked } from "../api/query";
import type { Problem } from "../api/client";
import type { Loaded } from "../timeline";

interface Listing<T> {
  items: T[];
  cursor?: string | null;
}

interface Log<T> extends Loaded<T> {
  ready: boolean;
  error: Problem | null;
  again: () => void;
  more: () => Promise<void>;
}

/** `key` names what is listed; another one begins anew. `load` gets what is after a cursor. */
export function useLog<T extends { id: string; at: string }>(key: readonly unknown[], load: (cursor: string | undefined, signal?: AbortSignal) => Promise<Listing<T>>, how: { every: number; enabled: boolean }): Log<T> {
  const name = JSON.stringify(key);
  const known = useRef({ name, items: new Map<string, T>(), cursor: undefined as string | null | undefined });
  const [, draw] = useState(0);
  if (known.current.name !== name) known.current = { name, items: new Map(), cursor: undefined };
  const asked = useAsked([...key], (signal) => load(undefined, signal), how);
  const take = (part: Listing<T>): void => part.items.forEach((item) => known.current.items.set(item.id, item));
  if (asked.data) {
    take(asked.data);
    if (known.current.cursor === undefined) known.current.cursor = asked.data.cursor ?? null;
  }
  useEffect(() => draw((n) => n + 1), [asked.at]);
  const items = [...known.current.items.values()].sort((a, b) => b.at.localeCompare(a.at) || b.id.localeCompare(a.id));
  return {
    items: how.enabled ? items : [],
    whole: !how.enabled || known.current.cursor === null,
    ready: !how.enabled || asked.data !== undefined,
    error: asked.error,
    again: asked.again,
    more: async () => {
      const { cursor } = known.current;
      if (!how.enabled || !cursor) return;
      const part = await load(cursor);
      if (known.current.name !== name) return;
      take(part);
      known.current.cursor = part.cursor ?? null;
      draw((n) => n + 1);
    },
  };
}
