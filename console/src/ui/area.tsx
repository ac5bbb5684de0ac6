import type { JSX } from "preact";
import { useId } from "preact/hooks";

/** A field of several lines. */
export function Area(p: { label: string; value: string; change: (value: string) => void; hint?: string; rows: number }): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{p.label}</label>
      <textarea id={id} rows={p.rows} value={p.value} spellcheck={false} aria-describedby={p.hint ? `${id}-hint` : undefined} onInput={(e) => p.change(e.currentTarget.value)} />
      {p.hint && (
        <p id={`${id}-hint`} class="hint">
          {p.hint}
        </p>
      )}
    </div>
  );
}
