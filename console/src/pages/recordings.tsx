import type { JSX } from "preact";
import { useLocation } from "preact-iso";
import { useEffect, useState } from "preact/hooks";
import type { PageProps } from "../app";
import type { Recording } from "../api/asked";
import { api, ok, type Schemas } from "../api/client";
import { renew, useAsked } from "../api/query";
import { duration, size } from "../format";
import { t } from "../i18n";
import { Lives } from "../live/past";
import { root, to } from "../root";
import { Button, Confirm, Copyable, Dialog, Empty, Field, Page, State, Time, Waiting, wordsOf, type Tone } from "../ui/parts";
import { say } from "../ui/toasts";
import { Player } from "../ui/player";
import { Table } from "../ui/table";

const TONES: Record<Recording["state"], Tone> = { recording: "red", finishing: "blue", ready: "green", failed: "amber" };
/** Long enough to watch what is opened, short enough that a link which leaks is soon of no use. */
const WATCH_S = 6 * 3600;
const SHARES = [3600, 24 * 3600, 7 * 24 * 3600] as const;
const PAGE = 50;

const away = (path: string): string => new URL(path.replace(/^\//, ""), root).href;

function Gaps({ recording }: { recording: Recording }): JSX.Element | null {
  const [proof, setProof] = useState<Schemas["Proof"] | null>(null);
  useEffect(() => {
    if (recording.gaps && recording.state === "ready")
      void ok(api.GET("/v1/recordings/{recording}/manifest", { params: { path: { recording: recording.id } } }))
        .then(setProof)
        .catch(() => undefined);
  }, [recording.id, recording.state]);
  if (!recording.gaps) return null;
  return (
    <>
      <h3>{t().recordings.gaps(recording.gaps)}</h3>
      {proof && (
        <ul>
          {proof.gaps.map((gap, index) => (
            <li key={index}>
              {t().recordings.gapReasons[String(gap["reason"]) as "lost"] ?? String(gap["reason"] ?? "")} <code>{String(gap["session"] ?? "")}</code>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Sharing({ recording }: { recording: Recording }): JSX.Element {
  const words = t().recordings;
  const [life, setLife] = useState(String(SHARES[1]));
  const [share, setShare] = useState<Schemas["Share"] | null>(null);
  return (
    <section>
      <h3>{words.share}</h3>
      <div class="row">
        <Field label={words.shareLife} value={life} change={setLife} options={SHARES.map((s) => ({ value: String(s), label: words.lives[s] ?? "" }))} />
        <Button
          press={async () =>
            setShare(await ok(api.POST("/v1/recordings/{recording}/shares", { params: { path: { recording: recording.id } }, body: { expires_s: Number(life) } })))
          }
        >
          {words.makeLink}
        </Button>
      </div>
      {share && (
        <>
          <Copyable label="HLS" text={away(share.links.hls)} />
          {share.links.mp4s.map((mp4) => (
            <Copyable key={mp4} label="MP4" text={away(mp4)} />
          ))}
          <p class="muted">
            {words.until} <Time at={share.expires_at} />
          </p>
        </>
      )}
    </section>
  );
}

function Panel({ recording, close }: { recording: Recording; close: () => void }): JSX.Element {
  const words = t().recordings;
  const path = { params: { path: { recording: recording.id } } };
  const [asking, setAsking] = useState<"delete" | "end" | null>(null);
  const [links, setLinks] = useState<Schemas["Links"] | null>(null);
  const [watched, state] = [recording.segments > 0, recording.state];
  useEffect(() => {
    // Once while it is open, and once more when it is finished: each link is a new one, and a new one begins anew.
    if (watched)
      void ok(api.POST("/v1/recordings/{recording}/shares", { ...path, body: { expires_s: WATCH_S } })).then(
        (share) => setLinks(share.links),
        (error: unknown) => say(wordsOf(error), "bad"),
      );
  }, [recording.id, watched, state]);
  return (
    <Dialog title={recording.stream} close={close} wide>
      <div class="body">
        {links ? <Player url={away(links.hls)} live={recording.state === "recording"} /> : recording.segments === 0 && <p class="muted">{words.noSegments}</p>}
        <p class="states">
          <State tone={TONES[recording.state]}>{words.states[recording.state]}</State>
        </p>
        {recording.error && <p class="why">{recording.error}</p>}
        <dl class="facts">
          <dt>{words.began}</dt>
          <dd>
            <Time at={recording.started_at} />
          </dd>
          <dt>{words.length}</dt>
          <dd>{duration(recording.duration_ms / 1000)}</dd>
          <dt>{words.size}</dt>
          <dd>{size(recording.mp4_bytes || recording.bytes)}</dd>
          <dt>{words.segments}</dt>
          <dd>{recording.segments}</dd>
        </dl>
        {recording.notes.map((note) => (
          <p key={note} class="muted">
            {note}
          </p>
        ))}
        <Gaps recording={recording} />
        <Lives sessions={recording.sessions} />
        {recording.segments > 0 && <Sharing recording={recording} />}
      </div>
      <footer>
        {links?.mp4s.map((mp4, index) => (
          <a key={mp4} class="button primary" href={`${away(mp4)}?download=1`} download>
            {words.download} {links.mp4s.length > 1 ? index + 1 : ""}
          </a>
        ))}
        {recording.state === "failed" && (
          <Button
            press={async () => {
              await ok(api.POST("/v1/recordings/{recording}/finish", { ...path, body: {} }));
              renew("recordings");
            }}
          >
            {words.finish}
          </Button>
        )}
        {recording.state === "recording" ? (
          <Button press={() => setAsking("end")}>{words.end}</Button>
        ) : (
          <Button kind="danger" press={() => setAsking("delete")}>
            {t().common.remove}
          </Button>
        )}
      </footer>
      {asking === "delete" && (
        <Confirm
          title={words.deleteTitle(recording.stream)}
          words={<p>{words.deleteWords(size(recording.mp4_bytes || recording.bytes))}</p>}
          yes={t().common.remove}
          close={() => setAsking(null)}
          act={async () => {
            await ok(api.DELETE("/v1/recordings/{recording}", path));
            renew("recordings");
            close();
          }}
        />
      )}
      {asking === "end" && (
        <Confirm
          title={words.end}
          words={<p>{words.endWords}</p>}
          yes={words.end}
          close={() => setAsking(null)}
          act={async () => {
            await ok(api.POST("/v1/recordings/{recording}/end", path));
            renew("recordings");
          }}
        />
      )}
    </Dialog>
  );
}

export function Recordings({ id }: PageProps): JSX.Element {
  const words = t().recordings;
  const { route } = useLocation();
  const [filter, setFilter] = useState("");
  const [pages, setPages] = useState(1);
  const list = useAsked(
    ["recordings", pages],
    async (signal) => {
      const items: Recording[] = [];
      let cursor: string | null = null;
      for (let page = 0; page < pages; page++) {
        const query: { limit: number; cursor?: string } = cursor ? { limit: PAGE, cursor } : { limit: PAGE };
        const got: Schemas["Page_RecordingShown_"] = await ok(api.GET("/v1/recordings", { params: { query }, signal }));
        items.push(...got.items);
        cursor = got.cursor ?? null;
        if (!cursor) break;
      }
      return { items, more: cursor !== null };
    },
    { every: 3000 },
  );
  const one = useAsked(["recordings", "one", id], (signal) => ok(api.GET("/v1/recordings/{recording}", { params: { path: { recording: id } }, signal })), {
    enabled: id !== "",
    every: 3000,
  });
  const wanted = filter.trim().toLowerCase();
  const shown = list.data?.items.filter((r) => !wanted || r.stream.toLowerCase().includes(wanted)) ?? [];
  return (
    <Page title={words.title} filter={(list.data?.items.length ?? 0) > 0 && <Field label={words.filter} value={filter} change={setFilter} type="search" />}>
      {!list.data && <Waiting error={list.error} again={list.again} />}
      {list.data?.items.length === 0 && <Empty words={words.none} action={<a class="button primary" href={to("golive")}>{t().nav.golive}</a>} />}
      {shown.length > 0 && (
        <Table
          label={words.title}
          rows={shown}
          columns={[
            { head: words.stream, cell: (r) => <a href={to(`recordings/${r.id}`)}>{r.stream}</a> },
            { head: words.state, cell: (r) => <State tone={TONES[r.state]}>{words.states[r.state]}</State> },
            { head: words.began, cell: (r) => <Time at={r.started_at} /> },
            { head: words.length, cell: (r) => duration(r.duration_ms / 1000), number: true },
            { head: words.size, cell: (r) => size(r.mp4_bytes || r.bytes), number: true },
            { head: words.gapsHead, cell: (r) => r.gaps || "–", number: true },
          ]}
        />
      )}
      {list.data?.more && <Button press={() => setPages(pages + 1)}>{t().common.more}</Button>}
      {id && one.data && <Panel recording={one.data} close={() => route(to("recordings"))} />}
      {id && one.error?.status === 404 && <Empty words={words.gone} />}
    </Page>
  );
}
