/** A page that is opened settles: what stands below something that is still waited for is shown when that is there, so
 * that nothing is pushed down while it is read. Once all was there, or was told no, the page hides nothing any more.
 */
import { effect, signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

const held = signal(0);

/** Says that something is waited for, as long as it is. */
export function useHeld(waits: boolean): void {
  useEffect(() => {
    if (!waits) return undefined;
    held.value += 1;
    return () => {
      held.value -= 1;
    };
  }, [waits]);
}

/** Whether a page that was just opened still waits for something of it. */
export function useSettling(): boolean {
  const [settling, settle] = useState(true);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = effect(() => {
      clearTimeout(timer);
      // What came may be followed by something else that has to be waited for.
      if (held.value === 0) timer = setTimeout(() => settle(false));
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, []);
  return settling;
}
