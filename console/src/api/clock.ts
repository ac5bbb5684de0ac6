/** The server's clock, as its answers tell it: what is counted down to was said by that one, and a browser's may be wrong. */

const TOLERATED_MS = 2000;
let ahead = 0;

/** Takes in the `Date` of an answer that came at `now`, in ms since 1970. It tells whole seconds: less than two is no difference. */
export function setClock(date: string | null, now: number): void {
  const told = date ? Date.parse(date) : NaN;
  if (Number.isNaN(told)) return;
  const difference = told + 500 - now;
  ahead = Math.abs(difference) < TOLERATED_MS ? 0 : difference;
}

/** Now, by the server's clock, in ms since 1970. */
export const serverNow = (now: number = Date.now()): number => now + ahead;

/** Whole seconds from now until a time; 0 when it has come. */
export const secondsUntil = (at: string, now: number = Date.now()): number => Math.max(0, Math.ceil((Date.parse(at) - serverNow(now)) / 1000));
