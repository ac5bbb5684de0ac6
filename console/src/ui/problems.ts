/** What an error says to the user. */
import { Problem } from "../api/client";
import { foreign, inText, inWords, t, toldOf } from "../i18n";
import type { Said } from "../i18n/told";

/** What a page itself says no with: its message is in the user's language. */
export class Refused extends Error {}

/** Each field that is wrong, where the API names some and we have words for why; else what is wrong as a whole. */
function ofProblem(problem: Problem): Said {
  const told = t().told;
  const named = problem.fields.filter(({ field, code }) => field && told[code]);
  if (named.length === 0) return toldOf(problem.code, problem.message, problem.params);
  return { words: named.map(({ field, code, reason, params }) => t().ofField(field, inWords(code, reason, params))).join(" "), said: "" };
}

/** In his language where we know its code; else the API's own words, or the browser's, as a quotation. */
export function problemOf(error: unknown): Said {
  if (error instanceof Problem) return ofProblem(error);
  if (error instanceof Refused) return { words: error.message, said: "" };
  return foreign(error instanceof Error ? error.message : String(error));
}

/** The same where nothing but text can be shown. */
export const wordsOf = (error: unknown): string => inText(problemOf(error));
