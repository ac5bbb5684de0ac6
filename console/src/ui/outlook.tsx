import type { JSX } from "preact";
import type { Schemas } from "../api/client";
import { t, toldOf } from "../i18n";
import { State } from "./parts";
import { Told } from "./told";

const why = (told: { code: string; reason: string; params: Record<string, unknown> }): JSX.Element => <Told of={toldOf(told.code, told.reason, told.params)} />;

/** What would become of a publish, or becomes of one: admitted → recorded → pushed, each with its reason. */
export function Outlook({ of, live = false }: { of: Schemas["ExplanationShown"]; live?: boolean }): JSX.Element {
  const words = t().outlook;
  return (
    <ol class="outlook">
      {!live && (
        <li>
          <State tone={of.admission.allowed ? "green" : "red"}>{of.admission.allowed ? words.admitted : words.refused}</State>
          <p>{why(of.admission)}</p>
          {of.busy && <p>{words.busy}</p>}
        </li>
      )}
      <li>
        <State tone={of.recording.recorded ? "green" : "grey"}>{of.recording.recorded ? words.recorded : words.notRecorded}</State>
        <p>{why(of.recording)}</p>
      </li>
      {of.limits.map((limit) => (
        <li key={limit.code}>
          <State tone="amber">{why(limit)}</State>
        </li>
      ))}
      {of.pushes.length === 0 && (
        <li>
          <State tone="grey">{words.noDestinations}</State>
        </li>
      )}
      {of.pushes.map((push) => (
        <li key={push.destination}>
          <State tone={push.pushed ? "green" : "grey"}>{push.pushed ? words.pushed(push.name) : words.notPushed(push.name)}</State>
          <p>{why(push)}</p>
        </li>
      ))}
    </ol>
  );
}
