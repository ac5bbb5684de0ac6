import type { JSX } from "preact";
import { api, ok, type Schemas } from "../api/client";
import { useAsked, type Asked } from "../api/query";
import { inWords, t } from "../i18n";
import { to } from "../root";
import type { Tone } from "./parts";

export const LEVELS: Record<Schemas["FindingShown"]["level"], Tone> = { good: "green", warn: "amber", bad: "red" };

/** What is not ready, asked again so often, in ms, while somebody looks. */
export const useReadiness = (every: number): Asked<Schemas["ReadinessShown"]> => useAsked(["readiness"], (signal) => ok(api.GET("/v1/readiness", { signal })), { every });

/** A finding in the user's language where its code is known: what there is, and what to do. */
export function findingWords(finding: Schemas["FindingShown"]): [string, string] {
  const words = t().health.findings[finding.code];
  if (!words) return [finding.said, finding.hint];
  const [said, hint] = words(finding.params);
  if (finding.code === "push_failing") {
    return [`${said} ${inWords(String(finding.params["code"] ?? ""), finding.said, finding.params)}`, hint];
  }
  // What a copy says of itself is more than our words for it.
  return [finding.code === "replication_failing" ? `${said} ${finding.said}` : said, hint];
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
