import { signal } from "@preact/signals";
import { en, type Text } from "./en";

export type Language = "en" | "zh";

const KEPT = "sluice.language";
const text = signal<Text>(en);
export const language = signal<Language>("en");

const kept = (): string | null => {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null; // a browser that keeps nothing still shows the console
  }
};

/** The words of the language that is shown. */
export const t = (): Text => text.value;

/** What a code of the API says, in the user's language, with what it names; the API's own words where we have none. */
export function inWords(code: string | undefined, otherwise: string, named: Record<string, unknown> = {}): string {
  const words = text.value;
  const known = code ? (words.told[code] ?? words.operate.reasons[code]) : undefined;
  // Where the words name nothing of their own, they may repeat what was said.
  return known ? known({ said: otherwise, ...named } as Record<string, string>) : (words.codes[code ?? ""] ?? otherwise);
}

/** Shows this language from now on, and keeps it for the next time. */
export async function speak(wanted: Language, keep = true): Promise<void> {
  text.value = wanted === "zh" ? (await import("./zh")).zh : en;
  language.value = wanted;
  document.documentElement.lang = wanted === "zh" ? "zh-CN" : "en";
  if (keep) {
    try {
      localStorage.setItem(KEPT, wanted);
    } catch {
      /* see above */
    }
  }
}

/** The language that was chosen, or else the browser's. */
export function usual(): Language {
  const chosen = kept() ?? navigator.language;
  return chosen.toLowerCase().startsWith("zh") ? "zh" : "en";
}
