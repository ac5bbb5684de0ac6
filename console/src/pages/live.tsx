import type { JSX } from "preact";
import { useLocation } from "preact-iso";
import { useEffect, useState } from "preact/hooks";
import type { PageProps } from "../app";
import { explain, useNodes, usePushes, useStream, type Stream, type Target } from "../api/asked";
import { api, ok, type Schemas } from "../api/client";
import { usePaged } from "../api/paged";
import { renew } from "../api/query";
import { duration, rate, streamPath } from "../format";
import { t } from "../i18n";
import { History } from "../live/history";
import { LifeLine } from "../live/lifeline";
import { Ages } from "../live/numbers";
import { Past } from "../live/past";
import { Trail } from "../live/trail";
import { root, to } from "../root";
import { Icon } from "../ui/icons";
import { Pager } from "../ui/pager";
import { Button, Confirm, Dialog, Empty, Page, State, Time, Waiting } from "../ui/parts";
import { wordsOf } from "../ui/problems";
import { Player } from "../ui/player";
import { Outlook } from "../ui/outlook";
import { Search, useAddress } from "../ui/search";
import { say } from "../ui/toasts";
import { PushState } from "../ui/push";
import { Thumbnail } from "../ui/thumbnail";

const PAGE = 48;
const FRESH_MS = 2000;
/** A link for the console's player works so long. */
const LINK_S = 12 * 3600;

/** The seconds since a time, counted on while it is looked at. */
function useAge(since: string | null): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return since ? (now - Date.parse(since)) / 1000 : 0;
}

/** Where the console's own player finds a stream; '' until that is known. With a link, where watching needs one. */
function useHls(stream: Stream, wanted: boolean): string {
  const [url, setUrl] = useState("");
  useEffect(() => {
    if (!wanted) return;
    const plain = new URL(`${streamPath(`${stream.app}/${stream.name}`)}.m3u8`, root).href;
    const linked = async (): Promise<string> => {
      if (!(await ok(api.GET("/v1/settings/play"))).auth) return plain;
      const body = { stream: stream.stream, node: stream.node, formats: ["hls" as const], expires_in_s: LINK_S };
      const made = (await ok(api.POST("/v1/streams/play-links", { body }))).urls.hls;
      return made ? plain + new URL(made).search : plain;
    };
    linked().then(setUrl, (error: unknown) => say(wordsOf(error), "bad"));
  }, [stream.session, wanted]);
  return url;
}

/** Since when each stream's numbers are what they are. */
const ages = new Ages();
const OLD_S = 10;

/** Says so of a number that is older than ten seconds. */
function Old({ stream }: { stream: Stream }): JSX.Element | null {
  useAge(null);
  const seconds = Math.floor(ages.of(stream.session, stream.seen_at, Date.now()));
  return seconds > OLD_S ? <span class="old"> ({t().graph.old(seconds)})</span> : null;
}

const trail = new Trail();

/** The bitrate of the last two minutes as a line; the number beside it says it in words. */
const Spark = ({ session }: { session: string }): JSX.Element => (
  <svg class="spark" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">
    {trail.lines(session, Date.now()).map((points) => (
      <polyline key={points} points={points} vector-effect="non-scaling-stroke" />
    ))}
  </svg>
);

/** What an edge is called; its id until that is known. */
const useNodeName = (node: string): string => useNodes().data?.items.find((each) => each.id === node)?.name || node;

const Facts = ({ stream }: { stream: Stream }): JSX.Element => (
  <dl class="facts">
    <dt>{t().live.bitrate}</dt>
    <dd>
      {rate(stream.bitrate_kbps)}
      <Old stream={stream} />
    </dd>
    <dt>{t().live.media}</dt>
    <dd>{[stream.video, stream.audio].filter(Boolean).join(" · ") || "–"}</dd>
    <dt>{t().live.edge}</dt>
    <dd>{useNodeName(stream.node)}</dd>
  </dl>
);

const States = ({ stream, targets }: { stream: Stream; targets: Target[] }): JSX.Element => (
  <p class="states">
    {stream.stale && <State tone="amber">{t().live.stale}</State>}
    {stream.recording ? <State tone="red">{t().live.recording}</State> : <State tone="grey">{t().live.notRecorded}</State>}
    {targets
      .filter((target) => target.push?.session === stream.session)
      .map((target) => (
        <PushState key={target.id} target={target} named />
      ))}
  </p>
);

function Tile({ stream, targets }: { stream: Stream; targets: Target[] }): JSX.Element {
  const [watched, setWatched] = useState(false);
  const url = useHls(stream, watched);
  const age = useAge(stream.live_at ?? stream.admitted_at);
  return (
    <article class="card tile">
      <div class="picture">
        {watched ? (
          url && <Player url={url} live />
        ) : (
          <>
            <Thumbnail session={stream.session} stream={stream.stream} soundOnly={!stream.video && !!stream.audio} />
            <button type="button" class="start" aria-label={t().live.watch(stream.stream)} onClick={() => setWatched(true)}>
              <Icon name="play" />
            </button>
          </>
        )}
        <span class="badge left">
          <State tone="red">{duration(age)}</State>
        </span>
        <span class="badge right">{t().live.watching(stream.viewers)}</span>
      </div>
      <div class="body">
        <h2>
          <a href={to(`live/${streamPath(stream.stream)}`)}>{stream.stream}</a>
          <span class="tag">{stream.protocol.toUpperCase()}</span>
        </h2>
        <Spark session={stream.session} />
        <Facts stream={stream} />
        <States stream={stream} targets={targets} />
      </div>
    </article>
  );
}

function Panel({ stream, targets, close }: { stream: Stream; targets: Target[]; close: () => void }): JSX.Element {
  const [cutting, setCutting] = useState(false);
  const url = useHls(stream, true);
  const [outlook, setOutlook] = useState<Schemas["ExplanationShown"] | null>(null);
  const words = t().live;
  return (
    <Dialog title={stream.stream} close={close} wide>
      <div class="body">
        {url ? <Player url={url} live /> : <div class="player" />}
        <States stream={stream} targets={targets} />
        <Facts stream={stream} />
        <dl class="facts">
          <dt>{words.since}</dt>
          <dd>
            <Time at={stream.live_at} />
          </dd>
          <dt>{words.from}</dt>
          <dd>
            {stream.client_ip} ({stream.protocol.toUpperCase()})
          </dd>
          <dt>{words.viewers}</dt>
          <dd>{stream.viewers}</dd>
        </dl>
        {outlook && <Outlook of={outlook} live />}
        <History session={stream.session} />
        <h3>{words.lifeLine}</h3>
        <LifeLine session={stream.session} />
      </div>
      <footer>
        <Button press={async () => setOutlook(await explain(stream.stream, ""))}>{words.explain}</Button>
        <Button kind="danger" press={() => setCutting(true)}>
          {words.cutOff}
        </Button>
      </footer>
      {cutting && (
        <Confirm
          title={words.cutTitle(stream.stream)}
          words={<p>{words.cutWords}</p>}
          yes={words.cutOff}
          close={() => setCutting(false)}
          act={async () => {
            await ok(api.DELETE("/v1/streams/{session}", { params: { path: { session: stream.session } } }));
            say(words.wasCut(stream.stream), "good");
            renew("streams");
            close();
          }}
        />
      )}
    </Dialog>
  );
}

export function Live({ id }: PageProps): JSX.Element {
  const [filters, setFilter, address] = useAddress(id ? `live/${streamPath(id)}` : "live");
  const search = (filters["search"] ?? "").slice(0, 200);
  const list = usePaged<Stream>(
    "streams",
    search,
    PAGE,
    (cursor, signal) => ok(api.GET("/v1/streams", { params: { query: { limit: PAGE, fresh: true, search, ...(cursor ? { cursor } : {}) } }, signal })),
    FRESH_MS,
  );
  const one = useStream(id, true);
  const targets = usePushes().data?.items ?? [];
  const { route } = useLocation();
  const words = t().live;
  if (!list.items) return <Page title={words.title}><Waiting error={list.asked.error} again={list.asked.again} tiles /></Page>;
  const shown = list.items;
  const open = id ? one.data?.items[0] : undefined;
  const seen = open ? [...shown, open] : shown;
  for (const s of seen) if (s.seen_at) trail.add(s.session, s.seen_at, s.bitrate_kbps, Date.now());
  trail.keep(new Set(seen.map((s) => s.session)));
  return (
    <Page
      title={words.title}
      note={words.onAir(list.total ?? shown.length)}
      filter={(shown.length > 0 || search) && <Search label={words.filter} value={search} change={(typed) => setFilter({ search: typed })} />}
    >
      {shown.length === 0 && !search && <Empty words={words.none} action={<a class="button primary" href={to("golive")}>{t().nav.golive}</a>} />}
      {shown.length === 0 && search && <Empty words={words.noneFiltered} />}
      <div class="tiles">
        {shown.map((stream) => (
          <Tile key={stream.session} stream={stream} targets={targets} />
        ))}
      </div>
      <Pager of={list} />
      {id && one.data && !open && <Empty words={words.over(id)} action={<a href={to("recordings")}>{t().nav.recordings}</a>} />}
      {id && one.data && !open && <Past key={id} stream={id} />}
      {open && <Panel stream={open} targets={targets} close={() => route(`${to("live")}${address}`)} />}
    </Page>
  );
}
