import type { JSX } from "preact";
import type { Target } from "../api/asked";
import { inWords, t } from "../i18n";
import { State, type Tone } from "./parts";

const TONES: Record<string, Tone> = { running: "green", retrying: "amber", starting: "blue", waiting: "grey", stopped: "grey" };

/** Why a destination is not pushed to, in the user's language where its code is known. */
export function whyNot(target: Target): string {
  if (target.push) return inWords(target.push.code, target.push.last_error ?? "");
  return target.waiting ? inWords(target.waiting.code, target.waiting.message) : "";
}

/** The state of a destination's push in a word. */
export function PushState({ target, named = false }: { target: Target; named?: boolean }): JSX.Element {
  const words = t().restream;
  const state = !target.enabled ? "off" : (target.push?.state ?? "waiting");
  const tone = target.push?.slate ? "amber" : (TONES[state] ?? "grey");
  const attempt = target.push?.attempt ?? 0;
  const tries = attempt > 1 && state !== "running" ? ` (${words.attempt(attempt)})` : "";
  const shown = target.push?.slate ? words.slateShown : words.states[state];
  return (
    <State tone={tone}>
      {named ? `${target.name} · ` : ""}
      {shown}
      {tries}
    </State>
  );
}
