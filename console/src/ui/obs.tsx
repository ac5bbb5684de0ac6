import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { inText, t } from "../i18n";
import { connect, ObsError, setUp } from "../obs";
import { Check, Field, Form } from "./parts";
import { Refused } from "./problems";
import { say } from "./toasts";

/** Sets the OBS of this computer up. Nothing is sent before the button is pressed, and to nobody else. */
export function ObsSetUp({ server, streamKey }: { server: string; streamKey: string }): JSX.Element {
  const words = t().health.obs;
  const [password, setPassword] = useState("");
  const [start, setStart] = useState(false);
  const act = async (): Promise<void> => {
    try {
      await setUp(await connect(), { server, key: streamKey, password, start });
    } catch (error) {
      if (!(error instanceof ObsError)) throw error;
      throw new Refused(inText({ words: words.errors[error.trouble] ?? error.trouble, said: error.said }));
    }
    say(start ? words.started : words.done, "good");
  };
  return (
    <details class="obs">
      <summary>{words.title}</summary>
      <p class="muted">{words.words}</p>
      <Form send={words.connect} act={act}>
        <Field label={words.password} value={password} change={setPassword} type="password" hint={words.passwordHint} />
        <Check label={words.start} value={start} change={setStart} />
      </Form>
    </details>
  );
}
