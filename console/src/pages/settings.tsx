import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { PageProps } from "../app";
import { api, ok, type Schemas } from "../api/client";
import { queries, renew, useAsked } from "../api/query";
import { t } from "../i18n";
import { AsCurl } from "../ui/curl";
import { Button, Check, Copyable, Dialog, Field, Form, Page, Time, Waiting } from "../ui/parts";
import { useDraft } from "../ui/draft";
import { say } from "../ui/toasts";

/** Something of our own that holds a publish secret: what has to be done about it, if anything. */
function Kept({ kept }: { kept: Schemas["KeptInShown"] }): JSX.Element {
  const words = t().settings;
  const name = words.kept[kept.of](kept.name);
  return <p class={kept.goes_on ? "muted" : "why"}>{kept.goes_on ? words.goesOn(name) : words.keptIn(name)}</p>;
}

/** Rotation, rehearsed: who used the secret of now lately, and what holds an old one, before anything is changed. */
function Rotation({ close }: { close: () => void }): JSX.Element {
  const words = t().settings;
  const uses = useAsked(["settings", "uses"], (signal) => ok(api.GET("/v1/settings/publish/uses", { params: { query: { days: 7 } }, signal })));
  const [secret, setSecret] = useState(() => crypto.getRandomValues(new Uint8Array(16)).reduce((text, byte) => text + byte.toString(16).padStart(2, "0"), ""));
  const send = (): Promise<unknown> => ok(api.PATCH("/v1/settings/publish", { body: { secret } }));
  return (
    <Dialog title={words.rotate} close={close}>
      <Form
        send={words.rotate}
        cancel={close}
        act={async () => {
          await send();
          renew("settings");
          say(words.rotated, "good");
          close();
        }}
      >
        {uses.data?.own.map((kept) => <Kept key={`${kept.of} ${kept.id}`} kept={kept} />)}
        <p>{words.rotateWords}</p>
        {!uses.data && <Waiting error={uses.error} again={uses.again} />}
        {uses.data?.items.length === 0 && <p class="muted">{words.nobodyUses}</p>}
        {(uses.data?.items.length ?? 0) > 0 && (
          <ul>
            {uses.data?.items.map((use) => (
              <li key={use.stream}>
                <strong>{use.stream}</strong> {use.client_ip} ({use.protocol.toUpperCase()}), <Time at={use.at} /> {use.live && `· ${words.nowLive}`}
              </li>
            ))}
          </ul>
        )}
        {uses.data && !uses.data.own.some((kept) => kept.goes_on) && <p class="muted">{words.ownGoOn}</p>}
        <Field label={words.newSecret} value={secret} change={setSecret} />
        <AsCurl act={send} secret={secret} />
      </Form>
    </Dialog>
  );
}

function Publish(): JSX.Element {
  const words = t().settings;
  const asked = useAsked(["settings", "publish"], (signal) => ok(api.GET("/v1/settings/publish", { signal })));
  const [rotating, setRotating] = useState(false);
  if (!asked.data) return <Waiting error={asked.error} again={asked.again} />;
  const { secret, auth } = asked.data;
  return (
    <section class="card pad">
      <h2>{words.publish}</h2>
      <Copyable label={words.secret} text={secret} secret={secret} />
      <Check
        label={words.auth}
        value={auth}
        change={async (wanted) => {
          await ok(api.PATCH("/v1/settings/publish", { body: { auth: wanted } }));
          await queries.invalidateQueries({ queryKey: ["settings"] });
        }}
      />
      {!auth && <p class="why">{words.open}</p>}
      <Button press={() => setRotating(true)}>{words.rotate}</Button>
      {rotating && <Rotation close={() => setRotating(false)} />}
    </section>
  );
}

function Record(): JSX.Element {
  const words = t().settings;
  const asked = useAsked(["settings", "record"], (signal) => ok(api.GET("/v1/settings/record", { signal })));
  const told = useMemo(() => asked.data && { ...asked.data, patterns: asked.data.globs.join(" ") }, [asked.data]);
  const { draft: form, write: setForm, saved } = useDraft(told);
  if (!form) return <Waiting error={asked.error} again={asked.again} />;
  const send = (): Promise<unknown> => {
    const { enabled, merge_window_s, retention_days, trash_days, version } = form;
    const globs = form.patterns.split(/[\s,]+/).filter(Boolean);
    return ok(api.PATCH("/v1/settings/record", { body: { enabled, globs, merge_window_s, retention_days, trash_days, version } }));
  };
  return (
    <section class="card pad">
      <h2>{words.record}</h2>
      <Form
        send={t().common.save}
        act={async () => {
          await send();
          await queries.invalidateQueries({ queryKey: ["settings"] });
          saved();
          say(words.saved, "good");
        }}
      >
        <Check label={words.recordAll} value={form.enabled} change={(enabled) => setForm({ ...form, enabled })} />
        <Field label={words.globs} value={form.patterns} change={(patterns) => setForm({ ...form, patterns })} hint={words.globsHint} />
        <Field label={words.merge} type="number" value={String(form.merge_window_s)} change={(text) => setForm({ ...form, merge_window_s: Number(text) })} hint={words.mergeHint} />
        <Field label={words.retention} type="number" value={String(form.retention_days)} change={(text) => setForm({ ...form, retention_days: Number(text) })} hint={words.retentionHint} />
        <Field label={words.trashDays} type="number" value={String(form.trash_days)} change={(text) => setForm({ ...form, trash_days: Number(text) })} />
        <AsCurl act={send} />
      </Form>
    </section>
  );
}

function Access(): JSX.Element {
  const words = t().settings;
  const logins = useAsked(["logins"], (signal) => ok(api.GET("/v1/logins", { signal })), { every: 10_000 });
  const [password, setPassword] = useState("");
  return (
    <section class="card pad">
      <h2>{words.access}</h2>
      <Form
        send={words.setPassword}
        act={async () => {
          await ok(api.POST("/v1/password", { body: { password } }));
          setPassword("");
          renew("logins");
          say(words.passwordSet, "good");
        }}
      >
        <Field label={words.password} type="password" autocomplete="new-password" value={password} change={setPassword} hint={words.passwordHint} />
      </Form>
      <h3>{words.logins}</h3>
      <ul class="rows">
        {logins.data?.items.map((login) => (
          <li key={login.id}>
            <span>
              {words.kinds[login.kind]} · {login.address || "–"} · <Time at={login.created_at} />
            </span>
            {login.current ? (
              <span class="muted">{words.thisOne}</span>
            ) : (
              <Button
                kind="quiet"
                press={async () => {
                  await ok(api.DELETE("/v1/logins/{login}", { params: { path: { login: login.id } } }));
                  renew("logins");
                }}
              >
                {words.endLogin}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

export const Settings = (_: PageProps): JSX.Element => (
  <Page title={t().settings.title}>
    <div class="columns">
      <Publish />
      <Record />
      <Access />
    </div>
  </Page>
);
