import type { JSX } from "preact";
import type { Schemas } from "../api/client";
import { duration } from "../format";
import { t } from "../i18n";

export type Gap = Schemas["GapShown"];

/** What a gap is, in one line. */
export function gapWords(gap: Gap): string {
  const words = t().recordings;
  const length = gap.length_ms === null ? "" : ` (${words.missing(`${(gap.length_ms / 1000).toFixed(1)} s`)})`;
  return `${words.gapReasons[gap.code] ?? gap.code}${length}`;
}

/** Where the gaps of a recording are on its time line; each mark leads there. `whole`: its length in ms. */
export const Marks = ({ gaps, whole, seek }: { gaps: readonly Gap[]; whole: number; seek: (ms: number) => void }): JSX.Element => (
  <div class="marks" role="group" aria-label={t().recordings.marks}>
    {gaps.map((gap, index) => {
      const words = `${duration(gap.at_ms / 1000)}: ${gapWords(gap)}`;
      return (
        <button
          key={index}
          type="button"
          class="mark"
          aria-label={words}
          title={words}
          style={{ left: `${whole ? Math.min(100, (gap.at_ms / whole) * 100) : 0}%` }}
          onClick={() => seek(gap.at_ms)}
        />
      );
    })}
  </div>
);
