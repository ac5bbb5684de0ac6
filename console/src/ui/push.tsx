import type { JSX } from "preact";
import type { Target } from "../api/asked";
import type { Schemas } from "../api/client";
import { t, toldOf } from "../i18n";
import type { Said } from "../i18n/told";
import { to } from "../root";
import { Until } from "./countdown";
import { State, type Tone } from "./parts";
import { Told } from "./told";

const TONES: Record<string, Tone> = { running: "green", retrying: "amber", starting: "blue", waiting: "grey", stopped: "grey" };

/** Why a destination is not pushed to, in the user's language where its code is known. */
export function whyNot(target: Target): Said | null {
  const told = target.push ? toldOf(target.push.code, target.push.last_error ?? "", target.push.params) : target.waiting && toldOf(target.waiting.code, target.waiting.message);
  return told?.words ? told : null;
}

/** When a push is tried again, counted down. */
export const NextTry = ({ at }: { at: string }): JSX.Element => (
  <span class="muted">
    <Until at={at} words={t().operate.restream.nextTry} />
  </span>
);

/** Live streams, and whether they can be pushed somewhere as they are. */
export function Fits({ fits }: { fits: readonly Schemas["FitShown"][] }): JSX.Element {
  const words = t().operate.restream;
  return (
    <ul class="fits">
      {fits.map((fit) => (
        <li key={fit.session}>
          <State tone={fit.fits === false ? "amber" : fit.fits ? "green" : "grey"}>{fit.fits === false ? words.unfit(fit.stream) : fit.fits ? words.fits(fit.stream) : words.unknownFit(fit.stream)}</State>
          {fit.fits === false && (
            <p class="why">
              <Told of={toldOf(fit.code, fit.message, fit.params)} /> {words.whatToDo} <a href={to("sources")}>{words.toSources}</a>
            </p>
          )}
        </li>
      ))}
    </ul>
  );
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
