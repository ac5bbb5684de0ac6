import type { Schemas } from "./api/client";

type LedgerEvent = Schemas["EventShown"];

const state = (event: LedgerEvent): string => `${event.session}/${String(event.data["destination"])}/${String(event.data["state"])}`;

/** The same events, newest first, without pushes that only say again what they said before. */
export function withoutRepeats(newestFirst: readonly LedgerEvent[]): LedgerEvent[] {
  const last = new Map<string, string>();
  const kept: LedgerEvent[] = [];
  for (const event of [...newestFirst].reverse()) {
    if (event.kind === "push.state") {
      const who = `${event.session}/${String(event.data["destination"])}`;
      if (last.get(who) === state(event)) continue;
      last.set(who, state(event));
    }
    kept.push(event);
  }
  return kept.reverse();
}
