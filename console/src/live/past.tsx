import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { api, ok } from "../api/client";
import { useAsked } from "../api/query";
import { t } from "../i18n";
import { LifeLine } from "./lifeline";

const LOOKED_THROUGH = 100;

/** The lives of sessions that are over, for who asks for them. */
export function Lives({ sessions }: { sessions: readonly string[] }): JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>{t().live.lifeLine}</summary>
      {open && sessions.map((session) => <LifeLine key={session} session={session} over />)}
    </details>
  );
}

/** The last life of a stream that is not on air, where it is not long ago. */
export function Past({ stream }: { stream: string }): JSX.Element | null {
  const query = { limit: LOOKED_THROUGH };
  const told = useAsked(["sessions", "past"], (signal) => ok(api.GET("/v1/sessions", { params: { query }, signal })));
  const last = told.data?.items.find((s) => s.stream === stream);
  if (!last) return null;
  return (
    <section class="card pad">
      <h2>{t().life.last(stream)}</h2>
      <LifeLine session={last.id} over />
    </section>
  );
}
