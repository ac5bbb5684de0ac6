import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { t } from "../i18n";

interface Toast {
  id: number;
  words: string;
  tone: "good" | "bad";
  undo?: (() => void) | undefined;
}

const LIFE_MS = 10_000;
const toasts = signal<Toast[]>([]);
let last = 0;

const drop = (id: number): void => {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
};

/** Says something for a while. */
export function say(words: string, tone: "good" | "bad", undo?: () => void): void {
  const id = ++last;
  toasts.value = [...toasts.value.slice(-3), { id, words, tone, undo }];
  setTimeout(() => drop(id), LIFE_MS);
}

/** Does something in ten seconds, unless it is taken back. Leaving the page does it at once. */
export function later(words: string, act: () => Promise<unknown>, undone: () => void): void {
  let over = false;
  const run = (): void => {
    if (over) return;
    over = true;
    removeEventListener("pagehide", run);
    act().catch((error: unknown) => {
      undone();
      say(error instanceof Error ? error.message : String(error), "bad");
    });
  };
  const timer = setTimeout(run, LIFE_MS);
  addEventListener("pagehide", run);
  say(words, "good", () => {
    over = true;
    clearTimeout(timer);
    removeEventListener("pagehide", run);
    undone();
  });
}

export const Toasts = (): JSX.Element => (
  <div class="toasts" role="status" aria-live="polite">
    {toasts.value.map((toast) => (
      <div key={toast.id} class={`toast ${toast.tone}`}>
        <span>{toast.words}</span>
        {toast.undo && (
          <button
            type="button"
            class="button quiet"
            onClick={() => {
              toast.undo?.();
              drop(toast.id);
            }}
          >
            {t().common.undo}
          </button>
        )}
      </div>
    ))}
  </div>
);
