import { signal } from "@preact/signals";
import { en, type Text } from "./en";
import type { Said } from "./told";

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

/** What a code of the API says, in the user's language, with what it names. Where we have no words, the API's own are: they are what is said
 * for who reads English, and for all others a quotation behind a sentence that says so. */
export function toldOf(code: string | undefined, otherwise: string, named: Record<string, unknown> = {}): Said {
  const words = text.value;
  const known = code ? (words.told[code] ?? words.reasons[code]) : undefined;
  // Where the words name nothing of their own, they may repeat what was said.
  const found = known ? known({ said: otherwise, ...named }) : words.codes[code ?? ""];
  return found === undefined ? foreign(otherwise) : typeof found === "string" ? { words: found, said: "" } : found;
}

/** What is in English and nothing but, in the user's language. */
export function foreign(said: string): Said {
  const { unexplained } = text.value;
  return said && unexplained ? { words: unexplained, said } : { words: said, said: "" };
}

/** The same where nothing but text can be shown. */
export const inText = ({ words, said }: Said): string => (said ? `${words} “${said}”` : words);

/** What a code says, as a text. */
export const inWords = (code: string | undefined, otherwise: string, named: Record<string, unknown> = {}): string => inText(toldOf(code, otherwise, named));

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
