import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { asCurl, firstRequest } from "../api/curl";
import { t } from "../i18n";
import { Copyable } from "./parts";

/** Shows what a button would send, as a line for a shell. `act`: what the button does, or the call that it makes; `secret`: what is shown
 * as dots until it is asked for. */
export function AsCurl({ act, secret }: { act: () => unknown; secret?: string | undefined }): JSX.Element {
  const words = t().operate.curl;
  const [line, setLine] = useState("");
  const open = async (event: Event): Promise<void> => {
    if (!(event.currentTarget as HTMLDetailsElement).open) return;
    const request = firstRequest(act);
    setLine(request ? await asCurl(request) : "");
  };
  return (
    <details class="as-curl" onToggle={(e) => void open(e)}>
      <summary>{words.show}</summary>
      {line ? (
        <>
          <Copyable label={words.copyLabel} text={line} secret={secret || undefined} />
          <p class="hint">{words.hint}</p>
        </>
      ) : (
        <p class="hint">–</p>
      )}
    </details>
  );
}
