import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { PageProps } from "../app";
import { usePlatforms, useTargets, type Target } from "../api/asked";
import { api, ok } from "../api/client";
import { queries, renew } from "../api/query";
import { rate } from "../format";
import { language, t } from "../i18n";
import { Cards } from "../ui/cards";
import { Button, Check, Dialog, Field, Form, Time } from "../ui/parts";
import { PushState, whyNot } from "../ui/push";
import { later, say } from "../ui/toasts";

const OTHER = "";

/** Adds a destination, or changes one: platform → server and key → streams. What is empty in a change stays. */
function Editor({ target, close }: { target?: Target | undefined; close: () => void }): JSX.Element {
  const words = t().restream;
  const platforms = usePlatforms().data?.items ?? [];
  const [platform, setPlatform] = useState(target?.platform ?? OTHER);
  const [name, setName] = useState(target?.name ?? "");
  const [server, setServer] = useState("");
  const [key, setKey] = useState("");
  const [streams, setStreams] = useState((target?.streams ?? ["/live/*"]).join(" "));
  const [slate, setSlate] = useState(target?.slate.enabled ?? false);
  const chosen = platforms.find((p) => p.id === platform);
  const zh = language.value === "zh";
  const act = async (): Promise<void> => {
    const patterns = streams.split(/[\s,]+/).filter(Boolean);
    if (target) {
      // The server stays where it is, unless another one is given or the platform is another one.
      const moved = server || (platform !== target.platform ? (chosen?.server ?? "") : "");
      const place = { ...(moved ? { server: moved } : {}), ...(key ? { key } : {}) };
      await ok(
        api.PATCH("/v1/destinations/{destination}", {
          params: { path: { destination: target.id } },
          body: { name, streams: patterns, slate: { enabled: slate }, version: target.version, ...(platform ? { platform } : {}), ...place },
        }),
      );
    } else {
      await ok(
        api.POST("/v1/destinations", {
          body: { name: name || chosen?.name || words.unnamed, ...(platform ? { platform } : {}), server: server || (chosen?.server ?? ""), key, streams: patterns, slate: { enabled: slate } },
        }),
      );
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
          options={[{ value: OTHER, label: words.other }, ...platforms.map((p) => ({ value: p.id, label: zh ? p.name_zh : p.name }))]}
        />
        {chosen && (
          <p class="hint">
            {zh ? chosen.hint_zh : chosen.hint}{" "}
            <a href={chosen.key_page} target="_blank" rel="noopener noreferrer">
              {words.keyPage}
            </a>
          </p>
        )}
        <Field label={words.name} value={name} change={setName} placeholder={chosen ? (zh ? chosen.name_zh : chosen.name) : ""} />
        <Field
          label={words.server}
          value={server}
          change={setServer}
          placeholder={chosen?.server || "rtmp://…/live"}
          hint={target ? words.staysAs(target.url) : chosen?.server ? words.serverKnown : words.serverHint}
        />
        <Field label={words.key} value={key} change={setKey} type="password" autocomplete="off" hint={target ? words.keyStays : words.keyHint} />
        <Field label={words.streams} value={streams} change={setStreams} hint={words.streamsHint} />
        <Check label={words.slate} value={slate} change={setSlate} />
      </Form>
    </Dialog>
  );
}

function Card({ target, edit }: { target: Target; edit: () => void }): JSX.Element {
  const words = t().restream;
  const path = { params: { path: { destination: target.id } } };
  const why = whyNot(target);
  return (
    <article class="card pad destination">
      <h2>{target.name}</h2>
      <p class="states">
        <PushState target={target} />
      </p>
      {/* What went wrong before it ran is over. */}
      {target.enabled && why && target.push?.state !== "running" && <p class="why">{why}</p>}
      <dl class="facts">
        <dt>{words.address}</dt>
        <dd>
          <code>{target.url}</code>
        </dd>
        <dt>{words.streams}</dt>
        <dd>{target.streams.join(" ") || target.stream_name || target.room || "–"}</dd>
        <dt>{words.traffic}</dt>
        <dd>{rate(target.push?.bitrate_kbps ?? null)}</dd>
        {target.push?.at && (
          <>
            <dt>{words.told}</dt>
            <dd>
              <Time at={target.push.at} />
            </dd>
          </>
        )}
      </dl>
      <div class="actions">
        <Button
          kind="quiet"
          press={async () => {
            await ok(target.enabled ? api.POST("/v1/destinations/{destination}/disable", path) : api.POST("/v1/destinations/{destination}/enable", path));
            renew("destinations");
          }}
        >
          {target.enabled ? words.stop : words.start}
        </Button>
        <Button kind="quiet" press={edit}>
          {t().common.edit}
        </Button>
        <Button
          kind="danger"
          press={() =>
            later(target.id, words.removed(target.name), async () => {
              // It is sent to its end, also while the page is being left.
              await ok(api.DELETE("/v1/destinations/{destination}", { ...path, keepalive: true }));
              await queries.invalidateQueries({ queryKey: ["destinations"] });
            })
          }
        >
          {t().common.remove}
        </Button>
      </div>
    </article>
  );
}

export function Restream(_: PageProps): JSX.Element {
  const words = t().restream;
  const [editing, setEditing] = useState<Target | "new" | null>(null);
  return (
    <Cards
      title={words.title}
      none={words.none}
      add={words.add}
      adding={() => setEditing("new")}
      asked={useTargets()}
      card={(target) => <Card key={target.id} target={target} edit={() => setEditing(target)} />}
    >
      {editing && <Editor target={editing === "new" ? undefined : editing} close={() => setEditing(null)} />}
    </Cards>
  );
}
