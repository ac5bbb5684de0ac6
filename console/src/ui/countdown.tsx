import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { secondsUntil, serverNow } from "../api/clock";
import { duration, utc } from "../format";

const TICK_MS = 1000;

/** Something that is shown anew every second. */
function Ticking({ at, words }: { at: string; words: () => string }): JSX.Element {
  const [, setTick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTick((n) => n + 1), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <time dateTime={at} title={utc(at)}>
      {words()}
    </time>
  );
}

/** How long until then, in words that are told the seconds. */
export const Until = ({ at, words }: { at: string; words: (seconds: number) => string }): JSX.Element => <Ticking at={at} words={() => words(secondsUntil(at))} />;

/** How long since then. */
export const Since = ({ at }: { at: string }): JSX.Element => <Ticking at={at} words={() => duration(Math.max(0, (serverNow() - Date.parse(at)) / 1000))} />;
