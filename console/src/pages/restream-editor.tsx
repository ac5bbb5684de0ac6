import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { usePlatforms, type Target } from "../api/asked";
import { api, ok, Problem } from "../api/client";
import { renew, useAsked } from "../api/query";
import { language, t } from "../i18n";
import { divided } from "../target";
import { AsCurl } from "../ui/curl";
import { Check, Dialog, Field, Form } from "../ui/parts";
import { Refused } from "../ui/problems";
import { Fits } from "../ui/push";
import { say } from "../ui/toasts";

/** The API's own word for none of the platforms; here it stands first. */
const OTHER = "custom";
const TYPED_MS = 500;

/** A value as it is a moment after it was last changed. */
function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), TYPED_MS);
    return () => clearTimeout(timer);
  }, [JSON.stringify(value)]);
  return settled;
}

/** What is on air now and would go there, and whether it can as it is. Asked only where the place is known. */
function Preflight({ platform, server, streams }: { platform: string; server: string; streams: string[] }): JSX.Element | null {
  const body = useSettled({ platform, server, streams });
  const asked = useAsked(["preflight", body], () => ok(api.POST("/v1/destinations/preflight", { body })), { enabled: Boolean(body.server || body.platform !== OTHER), every: 5000 });
  const items = platform !== OTHER || server ? (asked.data?.items ?? []) : []; // what was settled last may be gone
  if (items.length === 0) return null;
  return (
    <section aria-live="polite">
      <h3>{t().operate.restream.preflight}</h3>
      <Fits fits={items} />
    </section>
  );
}

/** Adds a destination, or changes one: platform → server and key → streams. What is empty in a change stays. */
export function Editor({ target, close }: { target?: Target | undefined; close: () => void }): JSX.Element {
  const words = t().restream;
  const more = t().operate.restream;
  const platforms = usePlatforms().data?.items ?? [];
  const [platform, setPlatform] = useState(target?.platform ?? OTHER);
  const [name, setName] = useState(target?.name ?? "");
  const [server, setServer] = useState("");
  const [version, setVersion] = useState(target?.version ?? 0);
  const [key, setKey] = useState("");
  const [streams, setStreams] = useState((target?.streams ?? ["/live/*"]).join(" "));
  const [slate, setSlate] = useState(target?.slate.enabled ?? false);
  const chosen = platforms.find((p) => p.id === platform);
  const zh = language.value === "zh";
  // Platforms show server and key, but many have the whole address in their notes.
  const typeKey = (typed: string): void => {
    const whole = divided(typed);
    if (whole) setServer(whole.server);
    setKey(whole ? whole.key : typed);
  };
  const patterns = streams.split(/[\s,]+/).filter(Boolean);
  // A server of one's own may hold the key at its end: rtmp://host/app/key.
  const missing = !key && (target ? target.key_missing : chosen?.server ? !server : Boolean(server) && !/^srt:/i.test(server) && server.replace(/^\w+:\/\//, "").split("/").filter(Boolean).length < 3);
  const send = (): Promise<unknown> => {
    if (!target) {
      return ok(
        api.POST("/v1/destinations", {
          body: { name: name || (platform !== OTHER && chosen?.name) || words.unnamed, platform, server: server || (chosen?.server ?? ""), key, streams: patterns, slate: { enabled: slate } },
        }),
      );
    }
    // The server stays where it is, unless another one is given or the platform is another one.
    const moved = server || (platform !== target.platform ? (chosen?.server ?? "") : "");
    const place = { ...(moved ? { server: moved } : {}), ...(key ? { key } : {}) };
    return ok(
      api.PATCH("/v1/destinations/{destination}", {
        params: { path: { destination: target.id } },
        body: { name, streams: patterns, slate: { enabled: slate }, version, platform, ...place },
      }),
    );
  };
  const act = async (): Promise<void> => {
    try {
      await send();
    } catch (error) {
      if (!target || !(error instanceof Problem) || (error.status !== 409 && error.status !== 412)) throw error;
      // What is there now is shown; whoever then still wants his own says so by saving once more.
      const now = await ok(api.GET("/v1/destinations/{destination}", { params: { path: { destination: target.id } } }));
      if (now.version === version) throw error;
      setVersion(now.version);
      throw new Refused(more.changedMeanwhile(now.name, now.streams.join(" ")));
    }
    renew("destinations");
    say(target ? words.changed : words.added, "good");
    close();
  };
  return (
    <Dialog title={target ? words.change(target.name) : words.add} close={close}>
      <Form send={target ? t().common.save : words.add} act={act} cancel={close}>
        <Field
          label={words.platform}
          value={platform}
          change={setPlatform}
          options={[{ value: OTHER, label: words.other }, ...platforms.filter((p) => p.id !== OTHER).map((p) => ({ value: p.id, label: zh ? p.name_zh : p.name }))]}
        />
        {chosen && (
          <p class="hint">
            {zh ? chosen.hint_zh : chosen.hint}{" "}
            {chosen.key_page && (
              <a href={chosen.key_page} target="_blank" rel="noopener noreferrer">
                {words.keyPage}
              </a>
            )}
          </p>
        )}
        <Field label={words.name} value={name} change={setName} placeholder={chosen && platform !== OTHER ? (zh ? chosen.name_zh : chosen.name) : ""} />
        <Field
          label={words.server}
          value={server}
          change={setServer}
          placeholder={chosen?.server || "rtmp://…/live"}
          hint={target ? words.staysAs(target.url) : chosen?.server ? words.serverKnown : words.serverHint}
        />
        <Field label={words.key} value={key} change={typeKey} type="password" autocomplete="off" hint={target ? words.keyStays : words.keyHint} />
        {missing && (
          <p class="why" role="status">
            {chosen?.server ? more.keyNeeded : more.noKeyInServer}
          </p>
        )}
        <Field label={words.streams} value={streams} change={setStreams} hint={words.streamsHint} />
        <Preflight platform={platform} server={server} streams={patterns} />
        <Check label={words.slate} value={slate} change={setSlate} />
        <AsCurl act={send} secret={key} />
      </Form>
    </Dialog>
  );
}
