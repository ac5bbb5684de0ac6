import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { PageProps } from "../app";
import { useAddresses } from "../api/asked";
import { api, ok, type Schemas } from "../api/client";
import { usePaged } from "../api/paged";
import { queries, renew } from "../api/query";
import { t, toldOf } from "../i18n";
import { hostOf, streamOf } from "../root";
import { Cards } from "../ui/cards";
import { AsCurl } from "../ui/curl";
import { Button, Check, Dialog, Field, Form, State, type Tone } from "../ui/parts";
import { Refused } from "../ui/problems";
import { Pager } from "../ui/pager";
import { Search, useAddress } from "../ui/search";
import { Ordered } from "../ui/ordered";
import { later, say } from "../ui/toasts";
import { Told } from "../ui/told";
import { inputOf, Playlist, Probed, type Item } from "./playlist";

type Playing = Schemas["PlayingShown"];
type Kind = "file" | "stream" | "camera";

const KINDS: readonly Kind[] = ["camera", "stream", "file"];
const TONES: Record<string, Tone> = { running: "green", retrying: "amber", starting: "blue" };

/** Adds a source: what is played, and under which name it goes on air here. */
function Adding({ close }: { close: () => void }): JSX.Element {
  const words = t().sources;
  const [kind, setKind] = useState<Kind>("camera");
  const [name, setName] = useState("");
  const [input, setInput] = useState("");
  const [items, setItems] = useState<readonly Item[]>([]);
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [typed, setTyped] = useState("live/source");
  const [silent, setSilent] = useState(false);
  const places = useAddresses(streamOf(typed)).data?.items.filter((a) => a.direction === "publish" && a.protocol === "rtmp" && a.available) ?? [];
  // Files go to the front that this page came from: of several edges, the one that is called so.
  const here = places.find((a) => hostOf(a.server) === location.hostname) ?? places[0];
  const send = (): Promise<unknown> => {
    if (!here) throw new Refused(t().goLive.noNode);
    const files = items.map(inputOf);
    if (kind === "file" && (!files.length || files.includes(null))) throw new Refused(files.length ? words.notReady : words.nothing);
    const stream = { url: input, ...(user ? { user, password } : {}) };
    const body = {
      name: name || streamOf(typed),
      kind,
      inputs: kind === "file" ? files.filter((each) => each !== null) : [stream],
      node: here.node,
      server: here.server,
      key: here.key,
      silent_audio: kind === "camera" && silent,
    };
    return ok(api.POST("/v1/sources", { body }));
  };
  const act = async (): Promise<void> => {
    await send();
    renew("sources");
    say(words.added, "good");
    close();
  };
  return (
    <Dialog title={words.add} close={close} wide={kind === "file"}>
      <Form send={words.add} act={act} cancel={close}>
        <Field label={words.kind} value={kind} change={(value) => setKind(value as Kind)} options={KINDS.map((value) => ({ value, label: words.kinds[value] ?? value }))} />
        <Field label={words.name} value={name} change={setName} placeholder={streamOf(typed)} />
        {kind === "file" ? (
          <Playlist items={items} change={setItems} node={here?.node ?? ""} />
        ) : (
          <Field label={words.address} value={input} change={setInput} placeholder={kind === "camera" ? "rtsp://192.0.2.10:554/stream1" : "https://…/index.m3u8"} />
        )}
        {kind === "camera" && (
          <div class="row">
            <Field label={words.user} value={user} change={setUser} />
            <Field label={words.password} value={password} change={setPassword} type="password" autocomplete="off" />
          </div>
        )}
        {kind === "camera" && <Check label={words.silent} value={silent} change={setSilent} />}
        <Field label={words.as} value={typed} change={setTyped} hint={words.asHint} />
        <p class="hint">{words.takesSeconds}</p>
        <AsCurl act={send} secret={password || here?.key} />
      </Form>
    </Dialog>
  );
}

/** In which order the files of a source are played. */
function Ordering({ source, close }: { source: Playing; close: () => void }): JSX.Element {
  const words = t().sources;
  const [items, setItems] = useState(() => source.inputs.map((input) => ({ ...input, key: input.uuid })));
  const act = async (): Promise<void> => {
    const body = { order: items.map((item) => item.uuid), version: source.version };
    await ok(api.PATCH("/v1/sources/{source}", { params: { path: { source: source.id } }, body }));
    renew("sources");
    say(words.ordered, "good");
    close();
  };
  return (
    <Dialog title={words.order} close={close}>
      <Form send={t().common.save} act={act} cancel={close}>
        <Ordered label={words.plays} items={items} name={(item) => item.name || item.target} change={setItems}>
          {(item) => (
            <>
              {item.name || item.target}
              <Probed found={item} />
            </>
          )}
        </Ordered>
        <p class="hint">{words.orderHint}</p>
      </Form>
    </Dialog>
  );
}

/** Adds files to the end of what a source plays, one after another: what came so far stays when a later one is refused. */
function Extending({ source, close }: { source: Playing; close: () => void }): JSX.Element {
  const words = t().sources;
  const [items, setItems] = useState<readonly Item[]>([]);
  const path = { params: { path: { source: source.id } } };
  const add = (file: ReturnType<typeof inputOf>): Promise<unknown> => ok(api.POST("/v1/sources/{source}/inputs", { ...path, body: file ?? {} }));
  const act = async (): Promise<void> => {
    if (!items.length || items.some((item) => !inputOf(item))) throw new Refused(items.length ? words.notReady : words.nothing);
    for (const item of items) {
      await add(inputOf(item));
      setItems((now) => now.filter((each) => each.key !== item.key));
    }
    renew("sources");
    say(words.extended(source.name), "good");
    close();
  };
  return (
    <Dialog title={words.extendTitle(source.name)} close={close} wide>
      <Form send={words.addFile} act={act} cancel={close}>
        <p>{words.extendWords}</p>
        <Playlist items={items} change={setItems} node={source.node ?? ""} />
        <p class="hint">{words.takesSeconds}</p>
        <AsCurl act={() => add(items[0] ? inputOf(items[0]) : null)} />
      </Form>
    </Dialog>
  );
}

function Card({ source }: { source: Playing }): JSX.Element {
  const words = t().sources;
  const path = { params: { path: { source: source.id } } };
  const [open, setOpen] = useState<"order" | "extend" | null>(null);
  const worker = source.worker;
  const state = source.enabled ? (worker?.state ?? "waiting") : "off";
  const toggle = (): Promise<unknown> => ok(source.enabled ? api.POST("/v1/sources/{source}/stop", path) : api.POST("/v1/sources/{source}/start", path));
  return (
    <article class="card pad">
      <h2>{source.name}</h2>
      <p class="states">
        <State tone={TONES[state] ?? "grey"}>{t().restream.states[state] ?? state}</State>
        <span class="tag">{words.kinds[source.kind] ?? source.kind}</span>
      </p>
      {source.enabled && worker?.last_error && state !== "running" && (
        <p class="why">
          <Told of={toldOf(worker.code, worker.last_error, worker.params)} />
        </p>
      )}
      {source.waits_code && (
        <p class="muted">
          <Told of={toldOf(source.waits_code, words.waitsFor(source.waits_for), source.waits_params)} />
        </p>
      )}
      <dl class="facts">
        {source.inputs.length > 0 && <dt>{words.plays}</dt>}
        {source.inputs.length > 0 && (
          <dd>
            {source.inputs.map((input) => (
              <div key={input.uuid}>
                {input.name || input.target}
                <Probed found={input} />
              </div>
            ))}
          </dd>
        )}
        <dt>{words.to}</dt>
        <dd>
          <code>{source.url}</code>
        </dd>
      </dl>
      {open === "order" && <Ordering source={source} close={() => setOpen(null)} />}
      {open === "extend" && <Extending source={source} close={() => setOpen(null)} />}
      <div class="actions">
        {source.kind === "file" && (
          <Button kind="quiet" press={() => setOpen("extend")}>
            {words.extend}
          </Button>
        )}
        {source.inputs.length > 1 && (
          <Button kind="quiet" press={() => setOpen("order")}>
            {words.order}
          </Button>
        )}
        {source.enabled && (
          <Button kind="quiet" press={() => ok(api.POST("/v1/sources/{source}/restart", path)).then(() => renew("sources"))}>
            {words.restart}
          </Button>
        )}
        <Button
          kind="quiet"
          press={() => toggle().then(() => renew("sources"))}
        >
          {source.enabled ? t().restream.stop : t().restream.start}
        </Button>
        <Button
          kind="danger"
          press={() =>
            later(source.id, t().restream.removed(source.name), async () => {
              await ok(api.DELETE("/v1/sources/{source}", { ...path, keepalive: true }));
              await queries.invalidateQueries({ queryKey: ["sources"] });
            })
          }
        >
          {t().common.remove}
        </Button>
      </div>
      <AsCurl act={toggle} />
    </article>
  );
}

function Filters({ query, change }: { query: Readonly<Record<string, string>>; change: (changed: Record<string, string>) => void }): JSX.Element {
  const words = t().sources;
  const all = { value: "", label: t().recordings.any };
  return (
    <div class="filters" role="search" aria-label={t().recordings.filters}>
      <Search label={t().recordings.filter} value={query["q"] ?? ""} change={(q) => change({ q })} />
      <Field label={words.kind} value={query["kind"] ?? ""} change={(kind) => change({ kind })} options={[all, ...Object.entries(words.kinds).map(([value, label]) => ({ value, label }))]} />
      <Field label={t().recordings.sort} value={query["sort"] ?? ""} change={(sort) => change({ sort })} options={[{ value: "", label: t().recordings.oldest }, { value: "-created_at", label: t().recordings.newest }, { value: "name", label: words.byName }]} />
    </div>
  );
}

const PAGE = 48;
const KNOWN_KINDS = ["file", "stream", "camera", "transcode"] as const;
const KNOWN_SORTS = ["-created_at", "name"] as const;

export function Sources(_: PageProps): JSX.Element {
  const words = t().sources;
  const [adding, setAdding] = useState(false);
  const [query, change, search] = useAddress("sources");
  const kind = KNOWN_KINDS.find((each) => each === query["kind"]);
  const sort = KNOWN_SORTS.find((each) => each === query["sort"]);
  const q = (query["q"] ?? "").slice(0, 200);
  const list = usePaged<Playing>(
    "sources",
    search,
    PAGE,
    (cursor, signal) => ok(api.GET("/v1/sources", { params: { query: { limit: PAGE, ...(q ? { q } : {}), ...(kind ? { kind } : {}), ...(sort ? { sort } : {}), ...(cursor ? { cursor } : {}) } }, signal })),
    2000,
  );
  return (
    <Cards
      title={words.title}
      none={words.none}
      add={words.add}
      adding={() => setAdding(true)}
      asked={{ ...list.asked, data: list.items && { items: list.items } }}
      filter={<Filters query={query} change={change} />}
      filtered={(q !== "" || kind !== undefined) ? t().common.noneFits : undefined}
      below={<Pager of={list} />}
      card={(source) => <Card key={source.id} source={source} />}
    >
      {adding && <Adding close={() => setAdding(false)} />}
    </Cards>
  );
}
