import { api, ok, type Schemas } from "./client";
import { fed, FED_EVERY_MS, queries } from "./query";
import { FED, keysOf, type Subject } from "./subjects";

const GAP_MS = 300;
/** An answer without a change that comes earlier was not held: too many wait, or a proxy does not let it. */
const HELD_MS = 1000;
const AGAIN_MS = 5000;
const NOT_HELD_MS = 60_000;
const SLOWEST_MS = 5000;

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

const visible = (): Promise<void> =>
  document.hidden
    ? new Promise<void>((done) => document.addEventListener("visibilitychange", () => done(), { once: true })).then(visible)
    : Promise.resolve();

/** Asks for all that is looked at, and is done when it is there: what is on its way is not broken off again and again. */
async function renewAll(subjects: readonly Subject[]): Promise<void> {
  const asked = keysOf(subjects).map((key) => queries.invalidateQueries({ queryKey: [key] }));
  await Promise.race([Promise.all(asked), sleep(SLOWEST_MS)]);
}

function works(now: boolean): void {
  if (fed.working === now) return;
  fed.working = now;
  // Whoever waits long for the next time because of the feed shall not do so without it.
  const paced = (q: { queryKey: readonly unknown[]; state: { dataUpdatedAt: number } }): boolean =>
    FED.has(String(q.queryKey[0])) && Date.now() - q.state.dataUpdatedAt < 2 * FED_EVERY_MS;
  if (!now) void queries.refetchQueries({ type: "active", predicate: paced });
}

/** One call that ends when the page is hidden. */
async function poll(since: string, ending: AbortSignal): Promise<Schemas["ChangesShown"]> {
  const hidden = new AbortController();
  const look = (): void => {
    if (document.hidden) hidden.abort();
  };
  document.addEventListener("visibilitychange", look);
  try {
    const query = since ? { since } : {};
    return await ok(api.GET("/v1/changes", { params: { query }, signal: AbortSignal.any([hidden.signal, ending]) }));
  } finally {
    document.removeEventListener("visibilitychange", look);
  }
}

/** Handles one answer; gives the cursor to go on with. */
async function step(cursor: string, ending: AbortSignal): Promise<string> {
  const began = Date.now();
  const told = await poll(cursor, ending);
  if (!told.held) {
    works(false);
    await sleep(NOT_HELD_MS);
    return "";
  }
  if (!cursor || told.subjects.length > 0) {
    works(true);
    await renewAll(told.subjects);
    await sleep(GAP_MS);
  } else if (Date.now() - began < HELD_MS) {
    works(false);
    await sleep(AGAIN_MS);
  } else works(true);
  return told.cursor;
}

/** Follows the changes of the server while the page is looked at; what has changed is asked for again. Returns how to end. */
export function follow(): () => void {
  const ending = new AbortController();
  const run = async (): Promise<void> => {
    let cursor = "";
    while (!ending.signal.aborted) {
      await visible();
      try {
        cursor = await step(cursor, ending.signal);
      } catch {
        if (document.hidden || ending.signal.aborted) continue;
        works(false);
        await sleep(AGAIN_MS);
      }
    }
    fed.working = false;
  };
  void run();
  return () => ending.abort();
}
