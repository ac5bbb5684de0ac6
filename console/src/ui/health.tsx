import type { JSX } from "preact";
import { api, ok, type Schemas } from "../api/client";
import { useAsked, type Asked } from "../api/query";
import { foreign, t, toldOf } from "../i18n";
import type { Said } from "../i18n/told";
import { to } from "../root";
import type { Tone } from "./parts";

export const LEVELS: Record<Schemas["FindingShown"]["level"], Tone> = { good: "green", warn: "amber", bad: "red" };

/** What is not ready, asked again so often, in ms, while somebody looks. */
export const useReadiness = (every: number): Asked<Schemas["ReadinessShown"]> => useAsked(["readiness"], (signal) => ok(api.GET("/v1/readiness", { signal })), { every });

/** A finding in the user's language where its code is known: what there is, and what to do. */
export function findingWords(finding: Schemas["FindingShown"]): [Said, Said] {
  const words = t().health.findings[finding.code];
  if (!words) return [foreign(finding.said), foreign(finding.hint)];
  const [found, hint] = words({ said: finding.said, ...finding.params });
  const told = typeof found === "string" ? { words: found, said: "" } : found;
  if (finding.code !== "push_failing") return [told, { words: hint, said: "" }];
  const why = toldOf(String(finding.params["code"] ?? ""), finding.said, finding.params);
  return [{ words: `${told.words} ${why.words}`, said: why.said }, { words: hint, said: "" }];
}

/** The health in a dot and a word; leads to what is not ready. */
export function HealthDot(): JSX.Element {
  const words = t().health;
  const asked = useReadiness(15_000);
  const level = asked.error ? "bad" : asked.data?.level;
  const told = asked.error ? words.dot.unknown : level ? words.dot[level] : words.dot.unknown;
  return (
    <a class={`health state ${asked.error ? "grey" : level ? LEVELS[level] : "grey"}`} href={to("health")} aria-label={`${words.title}: ${told}`}>
      <span class="dot" aria-hidden="true" />
      <span>{told}</span>
    </a>
  );
}
