import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useNodes, type Recording } from "../api/asked";
import { api, ok, type Schemas } from "../api/client";
import { queries, renew, useAsked } from "../api/query";
import { duration, size } from "../format";
import { inText, t, toldOf } from "../i18n";
import { fileName, trackWords } from "../media";
import { away } from "../root";
import { Button, Check, Confirm, Dialog, Field, Form, State, Time, type Tone } from "../ui/parts";
import { Refused, wordsOf } from "../ui/problems";
import { useDraft } from "../ui/draft";
import { gapWords, Marks, type Gap } from "../ui/marks";
import { Until } from "../ui/countdown";
import { Player } from "../ui/player";
import { say } from "../ui/toasts";
import { Told } from "../ui/told";
import { Lives } from "../live/past";
import { Sharing } from "./shares";

export const TONES: Record<Recording["state"], Tone> = { recording: "red", finishing: "blue", ready: "green", failed: "amber" };

/** What it is called: its own name, or else that of its stream. */
export const nameOf = (recording: Recording): string => recording.title || recording.stream;

/** Moves a recording to the trash; for ten seconds the way back is offered. */
export async function discard(recording: Recording): Promise<void> {
  const path = { params: { path: { recording: recording.id } } };
  await ok(api.DELETE("/v1/recordings/{recording}", path));
  renew("recordings");
  say(t().recordings.trashed(nameOf(recording)), "good", () => void restore(recording));
}

/** Takes a recording out of the trash. */
export async function restore(recording: Recording): Promise<void> {
  try {
    await ok(api.POST("/v1/recordings/{recording}/restore", { params: { path: { recording: recording.id } } }));
    say(t().recordings.restored(nameOf(recording)), "good");
  } catch (error) {
    say(wordsOf(error), "bad");
  }
  renew("recordings");
}

/** Tries once more to remove for good what was to be removed already. */
export async function purgeAgain(recording: Recording): Promise<void> {
  try {
    await ok(api.POST("/v1/recordings/{recording}/purge", { params: { path: { recording: recording.id } } }));
    say(t().recordings.isGone(nameOf(recording)), "good");
  } finally {
    renew("recordings");
  }
}

/** Why a recording could not be removed. */
export const RemovalWords = ({ of: { removal } }: { of: Recording }): JSX.Element | null => removal && <Told of={toldOf(removal.error_code, removal.error, removal.error_params)} />;

/** Whether the removal of a recording is tried again by itself, and when. */
export function Outlook({ recording }: { recording: Recording }): JSX.Element | null {
  const words = t().recordings;
  const removal = recording.removal;
  if (!removal) return null;
  if (!removal.next_at) return <State tone="red">{words.givenUp(removal.tries)}</State>;
  return (
    <State tone="amber">
      <Until at={removal.next_at} words={words.triedAgain} />
    </State>
  );
}

/** Removes for good, once its name was typed. */
export function Purging({ recording, close }: { recording: Recording; close: () => void }): JSX.Element {
  const words = t().recordings;
  const [typed, setTyped] = useState("");
  const name = nameOf(recording);
  return (
    <Dialog title={words.purgeTitle(name)} close={close}>
      <Form
        send={words.purge}
        cancel={close}
        act={async () => {
          if (typed.trim() !== name.trim()) throw new Refused(words.otherName);
          await ok(api.POST("/v1/recordings/{recording}/purge", { params: { path: { recording: recording.id } } }));
          renew("recordings");
          close();
        }}
      >
        <p>{words.purgeWords(size(recording.mp4_bytes || recording.bytes))}</p>
        <Field label={words.typeName(name)} value={typed} change={setTyped} />
      </Form>
    </Dialog>
  );
}

function Naming({ recording }: { recording: Recording }): JSX.Element | null {
  const words = t().recordings;
  const { draft, write, saved } = useDraft(recording.title);
  const change = async (body: Schemas["RecordingChange"]): Promise<void> => {
    await ok(api.PATCH("/v1/recordings/{recording}", { params: { path: { recording: recording.id } }, body }));
    await queries.invalidateQueries({ queryKey: ["recordings"] });
  };
  if (draft === null) return null;
  return (
    <div class="row">
      <Field label={words.name} value={draft} change={write} placeholder={recording.stream} />
      <Button
        disabled={draft === recording.title}
        press={async () => {
          await change({ title: draft });
          saved();
        }}
      >
        {t().common.save}
      </Button>
      <Check label={words.keep} value={recording.keep} change={(keep) => change({ keep })} />
    </div>
  );
}

function Facts({ recording }: { recording: Recording }): JSX.Element {
  const words = t().recordings;
  const names = new Map(useNodes().data?.items.map((node) => [node.id, node.name]));
  const facts: [string, ComponentChildren][] = [
    [words.stream, recording.stream],
    [words.began, <Time at={recording.started_at} />],
    [words.length, duration(recording.duration_ms / 1000)],
    [words.size, size(recording.mp4_bytes || recording.bytes)],
    [words.media, recording.tracks.map((track) => trackWords(track, words.channels)).join(" · ") || "–"],
    [words.segments, recording.segments],
    [words.node, recording.nodes.map((node) => names.get(node) || node).join(", ") || "–"],
    [words.store, recording.stores.map((store) => (store === "folder" ? words.ownStore : store)).join(", ")],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </>
      ))}
    </dl>
  );
}

function GapList({ recording, gaps, seek }: { recording: Recording; gaps: readonly Gap[]; seek: (ms: number) => void }): JSX.Element | null {
  const words = t().recordings;
  if (!recording.gaps) return null;
  return (
    <section>
      <h3>{words.gaps(recording.gaps)}</h3>
      <ul class="gaps">
        {gaps.map((gap, index) => (
          <li key={index}>
            <Button kind="quiet" label={`${words.goTo} ${duration(gap.at_ms / 1000)}`} press={() => seek(gap.at_ms)}>
              {duration(gap.at_ms / 1000)}
            </Button>
            <span>{gapWords(gap)}</span>
          </li>
        ))}
      </ul>
      {!gaps.length && <p class="muted">{words.gapsLater}</p>}
    </section>
  );
}

/** The player with its marks, once there is something to watch. */
function Watching({ recording, links, gaps, seeker }: { recording: Recording; links: Schemas["Links"] | null; gaps: readonly Gap[]; seeker: { current: (ms: number) => void } }): JSX.Element | null {
  const words = t().recordings;
  const video = useRef<HTMLVideoElement | null>(null);
  seeker.current = (ms) => {
    if (video.current) video.current.currentTime = ms / 1000;
  };
  if (recording.removal) return <p class="why">{words.inRemoval(inText(toldOf(recording.removal.error_code, recording.removal.error, recording.removal.error_params)))}</p>;
  if (recording.trashed_at) return <p class="why">{words.inTrash}</p>;
  if (!links) return recording.segments === 0 ? <p class="muted">{words.noSegments}</p> : <div class="player" aria-busy="true" />;
  return (
    <div>
      <Player url={away(links.hls)} live={recording.state === "recording"} shown={(node) => (video.current = node)} />
      {gaps.length > 0 && <Marks gaps={gaps} whole={recording.duration_ms} seek={seeker.current} />}
    </div>
  );
}

function Actions({ recording, links, close }: { recording: Recording; links: Schemas["Links"] | null; close: () => void }): JSX.Element {
  const words = t().recordings;
  const path = { params: { path: { recording: recording.id } } };
  const [asking, setAsking] = useState<"purge" | "end" | null>(null);
  const withdrawn = Boolean(recording.trashed_at || recording.removal);
  const many = (links?.mp4s.length ?? 0) > 1;
  return (
    <footer>
      {links?.mp4s.map((mp4, index) => (
        <a key={mp4} class="button primary" href={`${away(mp4)}?download=${encodeURIComponent(fileName(nameOf(recording) + (many ? ` ${index + 1}` : ""), ".mp4"))}`} download>
          {words.download} {many ? index + 1 : ""}
        </a>
      ))}
      {recording.removal && <Button press={() => purgeAgain(recording).then(close)}>{words.tryAgain}</Button>}
      {recording.state === "failed" && !withdrawn && (
        <Button press={() => ok(api.POST("/v1/recordings/{recording}/finish", { ...path, body: {} })).then(() => renew("recordings"))}>{words.finish}</Button>
      )}
      {withdrawn && <Button press={() => restore(recording).then(close)}>{words.restore}</Button>}
      {recording.removal ? null : recording.trashed_at ? (
        <Button kind="danger" press={() => setAsking("purge")}>
          {words.purge}
        </Button>
      ) : recording.state === "recording" ? (
        <Button press={() => setAsking("end")}>{words.end}</Button>
      ) : (
        <Button kind="danger" press={() => discard(recording).then(close)}>
          {t().common.remove}
        </Button>
      )}
      {asking === "purge" && <Purging recording={recording} close={() => setAsking(null)} />}
      {asking === "end" && (
        <Confirm
          title={words.end}
          words={<p>{words.endWords}</p>}
          yes={words.end}
          close={() => setAsking(null)}
          act={() => ok(api.POST("/v1/recordings/{recording}/end", path)).then(() => renew("recordings"))}
        />
      )}
    </footer>
  );
}

/** Links to watch it by: asked for once while it is open, and once more when it is finished, as each begins anew. */
function useLinks(recording: Recording): Schemas["Links"] | null {
  const [links, setLinks] = useState<Schemas["Links"] | null>(null);
  const watchable = recording.segments > 0 && !recording.trashed_at && !recording.removal;
  useEffect(() => {
    setLinks(null);
    if (watchable)
      void ok(api.POST("/v1/recordings/{recording}/links", { params: { path: { recording: recording.id } } })).then(
        (share) => setLinks(share.links),
        (error: unknown) => say(wordsOf(error), "bad"),
      );
  }, [recording.id, watchable, recording.state]);
  return links;
}

/** One recording beside the list. */
export function Panel({ recording, close }: { recording: Recording; close: () => void }): JSX.Element {
  const words = t().recordings;
  const links = useLinks(recording);
  const seeker = useRef<(ms: number) => void>(() => undefined);
  const marks = useAsked(
    ["gaps", recording.id, recording.updated_at],
    (signal) => ok(api.GET("/v1/recordings/{recording}/gaps", { params: { path: { recording: recording.id } }, signal })),
    { enabled: recording.gaps > 0 },
  );
  const gaps = marks.data?.items ?? [];
  return (
    <Dialog title={nameOf(recording)} close={close} wide>
      <div class="body">
        <Watching recording={recording} links={links} gaps={gaps} seeker={seeker} />
        <p class="states">
          {recording.removal ? <Outlook recording={recording} /> : <State tone={TONES[recording.state]}>{words.states[recording.state]}</State>}
        </p>
        {recording.error && !recording.removal && (
          <p class="why">
            <Told of={toldOf(recording.error_code, recording.error, recording.error_params)} />
          </p>
        )}
        <Naming recording={recording} />
        <Facts recording={recording} />
        {recording.left_out.length > 0 && (
          <details>
            <summary>{words.leftOut}</summary>
            {recording.left_out.map((left) => (
              <p key={left.words} class="muted">
                <Told of={toldOf(left.code, left.words, left.params)} />
              </p>
            ))}
          </details>
        )}
        <GapList recording={recording} gaps={gaps} seek={(ms) => seeker.current(ms)} />
        <Lives sessions={recording.sessions} />
        {recording.segments > 0 && !recording.trashed_at && !recording.removal && <Sharing recording={recording} />}
      </div>
      <Actions recording={recording} links={links} close={close} />
    </Dialog>
  );
}
