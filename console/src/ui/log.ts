/** A listing that grows at its top while it is looked at, and is read further down by hand. */
import { useEffect, useRef, useState } from "preact/hooks";
import { useAsked } from "../api/query";
import type { Problem } from "../api/client";
import { withNewest, withOlder, type Known, type Listed, type Loaded } from "../timeline";

interface Log<T> extends Loaded<T> {
  ready: boolean;
  error: Problem | null;
  again: () => void;
  more: () => Promise<void>;
}

/** `key` names what is listed; another one begins anew. `load` gets what is after a cursor. */
export function useLog<T extends { id: string; at: string }>(key: readonly unknown[], load: (cursor: string | undefined, signal?: AbortSignal) => Promise<Listed<T>>, how: { every: number; enabled: boolean }): Log<T> {
  const name = JSON.stringify(key);
  const nothing: Known<T> = { items: new Map(), cursor: undefined };
  const held = useRef({ name, known: nothing });
  const [, draw] = useState(0);
  if (held.current.name !== name) held.current = { name, known: nothing };
  const asked = useAsked([...key], (signal) => load(undefined, signal), how);
  if (asked.data) held.current.known = withNewest(held.current.known, asked.data);
  useEffect(() => draw((n) => n + 1), [asked.at]);
  const { known } = held.current;
  const items = [...known.items.values()].sort((a, b) => b.at.localeCompare(a.at) || b.id.localeCompare(a.id));
  return {
    items: how.enabled ? items : [],
    whole: !how.enabled || known.cursor === null,
    ready: !how.enabled || asked.data !== undefined,
    error: asked.error,
    again: asked.again,
    more: async () => {
      const { cursor } = held.current.known;
      if (!how.enabled || !cursor) return;
      const part = await load(cursor);
      // Meanwhile it may have begun anew.
      if (held.current.name !== name || held.current.known.cursor !== cursor) return;
      held.current.known = withOlder(held.current.known, part);
      draw((n) => n + 1);
    },
  };
}
