import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { t } from "../i18n";
import { wordsOf } from "./problems";

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

/** What is still to be done, unless it is taken back. */
const pending = new Set<() => Promise<void>>();
/** What is gone from the pages although it is still there: it may be taken back. */
export const leaving = signal<ReadonlySet<string>>(new Set());

/** Does at once what is still to be done. */
export const flush = async (): Promise<void> => void (await Promise.all([...pending].map((run) => run())));

/** Removes something, called `id`, or several, in ten seconds, unless it is taken back. Leaving the page does it at once. */
export function later(id: string | readonly string[], words: string, act: () => Promise<unknown>): void {
  let over = false;
  const ids = typeof id === "string" ? [id] : id;
  const hide = (hidden: boolean): void => {
    leaving.value = new Set(hidden ? [...leaving.value, ...ids] : [...leaving.value].filter((other) => !ids.includes(other)));
  };
  const end = (): void => {
    over = true;
    clearTimeout(timer);
    pending.delete(run);
    removeEventListener("pagehide", leave);
  };
  const run = async (): Promise<void> => {
    if (over) return;
    end();
    try {
      await act();
    } catch (error) {
      say(wordsOf(error), "bad");
    }
    hide(false);
  };
  const leave = (): void => void run();
  const timer = setTimeout(leave, LIFE_MS);
  pending.add(run);
  addEventListener("pagehide", leave);
  hide(true);
  say(words, "good", () => {
    end();
    hide(false);
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
