import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";

const RETRY_MS = 1500;
const LONGEST_RETRY_MS = 8000;

/** Plays HLS. `shown` is given what plays, while it does. What is not there yet is asked for again, at longer and longer times, for as long as the player is open. */
export function Player({ url, live, seek, shown }: { url: string; live: boolean; seek?: number | undefined; shown?: (video: HTMLVideoElement | null) => void }): JSX.Element {
  const video = useRef<HTMLVideoElement>(null);
  const [waiting, setWaiting] = useState(true);
  useEffect(() => {
    const node = video.current;
    if (!node) return undefined;
    let stop = (): void => undefined;
    let over = false;
    void import("hls.js/light").then(({ default: Hls }) => {
      if (over) return;
      if (!Hls.isSupported()) {
        node.src = url;
        return;
      }
      let retry = RETRY_MS;
      let timer: ReturnType<typeof setTimeout> | undefined;
      // Its worker would be made of a blob, which the page's policy of trusted types forbids.
      const hls = new Hls({ enableWorker: false, liveSyncDurationCount: 2, manifestLoadPolicy: { default: { maxTimeToFirstByteMs: 8000, maxLoadTimeMs: 15000, timeoutRetry: null, errorRetry: null } } });
      hls.on(Hls.Events.MANIFEST_PARSED, () => {
        retry = RETRY_MS;
        void node.play().catch(() => undefined);
      });
      hls.on(Hls.Events.ERROR, (_event, data) => {
        if (!data.fatal) return;
        if (data.type === Hls.ErrorTypes.MEDIA_ERROR) {
          hls.recoverMediaError();
          return;
        }
        setWaiting(true);
        clearTimeout(timer);
        timer = setTimeout(() => hls.loadSource(url), retry);
        retry = Math.min(retry * 1.5, LONGEST_RETRY_MS);
      });
      hls.attachMedia(node);
      hls.loadSource(url);
      stop = () => {
        clearTimeout(timer);
        hls.destroy();
      };
    });
    return () => {
      over = true;
      stop();
    };
  }, [url]);
  useEffect(() => {
    if (seek !== undefined && video.current) video.current.currentTime = seek;
  }, [seek]);
  useEffect(() => {
    shown?.(video.current);
    return () => shown?.(null);
  }, []);
  return (
    <div class="player">
      <video ref={video} controls muted={live} playsInline autoplay={live} onPlaying={() => setWaiting(false)} onTimeUpdate={() => setWaiting(false)} />
      {waiting && <p class="over" role="status">{live ? t().live.waitingForPicture : t().common.loading}</p>}
    </div>
  );
}
