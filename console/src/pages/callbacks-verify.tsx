import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { headersOf, verdict, type Verdict } from "../signature";
import { Area } from "../ui/area";
import { Copyable, Field, Form, State } from "../ui/parts";
import java from "../verify/Verify.java?raw";
import go from "../verify/verify.go?raw";
import javascript from "../verify/verify.js?raw";
import php from "../verify/verify.php?raw";
import python from "../verify/verify.py?raw";

const CODE = { Python: python, JavaScript: javascript, Go: go, PHP: php, Java: java } as const;

/** Whether a callback that came is ours: computed in the page, nothing is sent. And the code that a receiver checks it with. */
export function Verifier(): JSX.Element {
  const words = t().operate.verify;
  const [secret, setSecret] = useState("");
  const [headers, setHeaders] = useState("");
  const [body, setBody] = useState("");
  const [found, setFound] = useState<Verdict | null>(null);
  const [language, setLanguage] = useState<keyof typeof CODE>("Python");
  const changed =
    (set: (value: string) => void) =>
    (value: string): void => {
      setFound(null);
      set(value);
    };
  return (
    <section class="card pad">
      <h2>{words.title}</h2>
      <p class="muted">{words.words}</p>
      <Form send={words.check} act={async () => setFound(await verdict(secret, headersOf(headers), body, Date.now()))}>
        <Field label={t().callbacks.secret} value={secret} change={changed(setSecret)} type="password" placeholder="whsec_…" />
        <Area label={words.headers} value={headers} change={changed(setHeaders)} hint={words.headersHint} rows={3} />
        <Area label={words.body} value={body} change={changed(setBody)} hint={words.bodyHint} rows={4} />
      </Form>
      {found && (
        <div role="status">
          <State tone={found === "valid" ? "green" : "red"}>{found === "valid" ? words.valid : words.invalid}</State>
          <p class={found === "valid" ? "" : "why"}>{words.verdicts[found]}</p>
        </div>
      )}
      <details>
        <summary>{words.code}</summary>
        <Field
          label={words.language}
          value={language}
          change={(value) => setLanguage(value as keyof typeof CODE)}
          options={Object.keys(CODE).map((value) => ({ value, label: value }))}
        />
        <div class="code">
          <Copyable label={language} text={CODE[language]} />
        </div>
      </details>
    </section>
  );
}
