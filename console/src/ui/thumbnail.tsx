import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { api, ok, Problem } from "../api/client";
import { t } from "../i18n";

const EVERY_MS = 10_000;
/** So long after a failure that passes soon. */
const AGAIN_MS = 3000;

interface Still {
  /** The picture, as an address of this page; '' while there is none. */
  url: string;
  /** Why there is none, as the API's code. */
  why: string;
}

const NONE: Still = { url: "", why: "" };

/** Asks for pictures again and again while the page and the place are looked at. Ends with what it returns. */
function watch(session: string, looked: () => boolean, tell: (still: Still) => void): () => void {
  const ending = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let due = 0;
  const ask = async (): Promise<void> => {
    clearTimeout(timer);
    if (!looked() || ending.signal.aborted) return;
    due = Date.now() + EVERY_MS;
    const asked = api.GET("/v1/streams/{session}/thumbnail", { params: { path: { session } }, parseAs: "blob", signal: ending.signal });
    try {
      const blob = (await ok(asked)) as unknown as Blob;
      if (!ending.signal.aborted) tell({ url: URL.createObjectURL(blob), why: "" });
    } catch (error) {
      if (ending.signal.aborted || !(error instanceof Problem)) return;
      tell({ url: "", why: error.code });
      if (error.passing || error.code === "no_picture_yet") due = Date.now() + AGAIN_MS;
    }
    timer = setTimeout(() => void ask(), Math.max(due - Date.now(), 0));
  };
  const seen = (): void => {
    if (looked() && Date.now() >= due) void ask();
  };
  document.addEventListener("visibilitychange", seen);
  const stop = (): void => {
    document.removeEventListener("visibilitychange", seen);
    clearTimeout(timer);
    ending.abort();
  };
  void ask();
  return stop;
}

/** The picture of now of a live stream, another one each ten seconds while it is looked at; in its place why there is none. */
export function Thumbnail({ session, stream, soundOnly }: { session: string; stream: string; soundOnly: boolean }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState(false);
  const [still, setStill] = useState(NONE);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setShown(entries.some((e) => e.isIntersecting)), { rootMargin: "100px" });
    if (place.current) observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (!shown || soundOnly) return undefined;
    // A failure that passes leaves the picture of before where it is.
    return watch(session, () => !document.hidden, (next) => setStill((old) => (next.url || !old.url ? next : old)));
  }, [shown, session, soundOnly]);
  useEffect(() => () => URL.revokeObjectURL(still.url), [still.url]);
  return (
    <div class="still" ref={place}>
      {still.url && <img src={still.url} alt={t().live.pictureOf(stream)} width={320} height={180} />}
      {!still.url && (soundOnly || still.why === "no_video") && <p>{t().live.soundOnly}</p>}
    </div>
  );
}
