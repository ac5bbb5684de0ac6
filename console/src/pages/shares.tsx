import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Recording } from "../api/asked";
import { api, ok, type Schemas } from "../api/client";
import { renew, useAsked } from "../api/query";
import { t } from "../i18n";
import { away } from "../root";
import { AsCurl } from "../ui/curl";
import { Button, Copyable, Field, Time } from "../ui/parts";
import { say } from "../ui/toasts";

const LIVES = [3600, 24 * 3600, 7 * 24 * 3600, 30 * 24 * 3600] as const;

function Given({ recording }: { recording: Recording }): JSX.Element | null {
  const words = t().recordings;
  const path = { recording: recording.id };
  const asked = useAsked(["shares", recording.id], (signal) => ok(api.GET("/v1/recordings/{recording}/shares", { params: { path }, signal })));
  if (!asked.data?.items.length) return null;
  return (
    <ul class="rows" aria-label={words.given}>
      {asked.data.items.map((share) => (
        <li key={share.id}>
          <span>
            {share.label || words.unlabelled} <span class="muted">· {words.until} <Time at={share.expires_at} /></span>
          </span>
          <Button
            kind="danger"
            label={`${words.revoke}: ${share.label || words.unlabelled}`}
            press={async () => {
              await ok(api.DELETE("/v1/recordings/{recording}/shares/{share}", { params: { path: { ...path, share: share.id } } }));
              renew("shares", recording.id);
              say(words.revoked, "good");
            }}
          >
            {words.revoke}
          </Button>
        </li>
      ))}
    </ul>
  );
}

/** Makes links, and lists and revokes those that were given out. */
export function Sharing({ recording }: { recording: Recording }): JSX.Element {
  const words = t().recordings;
  const [life, setLife] = useState(String(LIVES[1]));
  const [label, setLabel] = useState("");
  const [share, setShare] = useState<Schemas["Share"] | null>(null);
  const send = (): Promise<Schemas["Share"]> => ok(api.POST("/v1/recordings/{recording}/shares", { params: { path: { recording: recording.id } }, body: { expires_s: Number(life), label } }));
  const make = async (): Promise<void> => {
    setShare(await send());
    setLabel("");
    renew("shares", recording.id);
  };
  return (
    <section>
      <h3>{words.share}</h3>
      <div class="row">
        <Field label={words.shareFor} value={label} change={setLabel} />
        <Field label={words.shareLife} value={life} change={setLife} options={LIVES.map((s) => ({ value: String(s), label: words.lives[s] ?? "" }))} />
        <Button press={make}>{words.makeLink}</Button>
      </div>
      <AsCurl act={send} />
      {share && (
        <>
          <Copyable label="HLS" text={away(share.links.hls)} />
          {share.links.mp4s.map((mp4) => (
            <Copyable key={mp4} label="MP4" text={away(mp4)} />
          ))}
          <p class="muted">
            {words.until} <Time at={share.expires_at} />. {words.shownOnce}
          </p>
        </>
      )}
      <Given recording={recording} />
    </section>
  );
}
