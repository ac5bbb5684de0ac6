import type { JSX } from "preact";
import { useLocation } from "preact-iso";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useNodes, useStreams, useTargets } from "../api/asked";
import { api, ok } from "../api/client";
import { filled } from "../api/pages";
import { renew, useAsked } from "../api/query";
import { best } from "../fuzzy";
import { streamPath } from "../format";
import { language, speak, t } from "../i18n";
import { to } from "../root";
import { drain } from "../pages/edges-card";
import { toggle } from "../pages/restream-card";
import { shownTheme, wear } from "../theme";
import { wordsOf } from "./problems";
import { say } from "./toasts";

interface Entry {
  id: string;
  kind: string;
  words: string;
  go: () => void | Promise<unknown>;
}

const MOST = 12;
const TYPING_MS = 200;
const PAGES = ["live", "golive", "restream", "recordings", "sources", "rooms", "callbacks", "api", "edges", "activity", "health", "settings"] as const;

/** Both, each once. */
function both<T extends { id: string }>(some: readonly T[] = [], others: readonly T[] = []): T[] {
  return [...new Map([...some, ...others].map((each) => [each.id, each])).values()];
}

/** What was typed, once the typing pauses. */
function usePaused(typed: string): string {
  const [paused, setPaused] = useState(typed);
  useEffect(() => {
    const timer = setTimeout(() => setPaused(typed.trim().slice(0, 200)), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return paused;
}

/** Everything that can be gone to or done: of what there are many, the first ones, and those that have in their names what was typed. */
function useEntries(typed: string): Entry[] {
  const words = t().health.palette;
  const { route } = useLocation();
  const search = usePaused(typed);
  const how = { enabled: search !== "" };
  const query = { limit: 100 };
  const sought = { limit: MOST, search };
  const streams = both(useStreams().data?.items, useAsked(["streams", "sought", search], (signal) => ok(api.GET("/v1/streams", { params: { query: sought }, signal })), how).data?.items);
  const targets = both(useTargets().data?.items, useAsked(["destinations", "sought", search], (signal) => ok(api.GET("/v1/destinations", { params: { query: sought }, signal })), how).data?.items);
  const nodes = useNodes().data?.items ?? [];
  const recordings = both(
    useAsked(["recordings", "palette"], (signal) => ok(api.GET("/v1/recordings", { params: { query }, signal }))).data?.items,
    useAsked(["recordings", "sought", search], (signal) => filled(1, undefined, (cursor) => ok(api.GET("/v1/recordings", { params: { query: { limit: 100, q: search, ...(cursor ? { cursor } : {}) } }, signal }))), how).data?.items,
  );
  const rooms = both(
    useAsked(["rooms", "palette"], (signal) => ok(api.GET("/v1/rooms", { params: { query }, signal }))).data?.items,
    useAsked(["rooms", "sought", search], (signal) => ok(api.GET("/v1/rooms", { params: { query: { limit: MOST, q: search } }, signal })), how).data?.items,
  );
  const page = (kind: string, id: string, label: string, place: string): Entry => ({ id: `${kind}/${id}`, kind, words: label, go: () => route(to(place)) });
  const act = (id: string, label: string, does: () => Promise<unknown>, key: string): Entry => ({
    id: `action/${id}`,
    kind: "action",
    words: label,
    go: async () => {
      await does();
      renew(key);
      say(label, "good");
    },
  });
  return [
    ...PAGES.map((name) => page("page", name, t().nav[name], name)),
    ...streams.map((s) => page("stream", s.id, s.stream, `live/${streamPath(s.stream)}`)),
    ...targets.map((d) => page("destination", d.id, d.name, `restream?search=${encodeURIComponent(d.name)}`)),
    ...rooms.map((r) => page("room", r.id, r.title || r.stream, `rooms/${r.id}`)),
    ...nodes.map((n) => page("edge", n.id, n.name || n.id, "edges")),
    ...recordings.map((r) => page("recording", r.id, `${r.title ? `${r.title} · ` : ""}${r.stream} ${r.started_at.slice(0, 16).replace("T", " ")}`, `recordings/${r.id}`)),
    ...targets.filter((d) => d.push?.state === "retrying").map((d) => act(`retry/${d.id}`, words.retry(d.name), () => ok(api.POST("/v1/destinations/{destination}/retry", { params: { path: { destination: d.id } } })), "destinations")),
    ...targets.map((d) => act(`toggle/${d.id}`, d.enabled ? words.stop(d.name) : words.start(d.name), () => toggle(d, !d.enabled), "destinations")),
    ...nodes.filter((n) => n.state !== "revoked").map((n) => act(`drain/${n.id}`, n.draining ? words.resume(n.name || n.id) : words.drain(n.name || n.id), () => drain(n, !n.draining), "nodes")),
    { id: "action/theme", kind: "action", words: shownTheme.value === "dark" ? words.light : words.dark, go: () => wear(shownTheme.value === "dark" ? "light" : "dark") },
    { id: "action/language", kind: "action", words: words.other, go: () => speak(language.value === "zh" ? "en" : "zh") },
  ];
}

/** Search and commands: a list box under a field, as the ARIA pattern of a combobox has it. `early`: what was typed before it was there; not by value, as it grows while this is loaded. */
export function Palette({ early, close }: { early: { current: string }; close: () => void }): JSX.Element {
  const words = t().health.palette;
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const [typed, setTyped] = useState(early.current);
  const [at, setAt] = useState(0);
  const found = best(typed, useEntries(typed), (entry) => `${entry.words} ${words.kinds[entry.kind] ?? ""}`, MOST);
  const chosen = Math.min(at, found.length - 1);
  // Before the next key can come.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  useEffect(() => document.getElementById(`${id}-${chosen}`)?.scrollIntoView({ block: "nearest" }), [chosen]);
  const take = (entry: Entry | undefined): void => {
    if (!entry) return;
    close();
    void Promise.resolve(entry.go()).catch((error: unknown) => say(wordsOf(error), "bad"));
  };
  const key = (event: KeyboardEvent): void => {
    // While a word is being composed, Enter belongs to the input method.
    if (event.isComposing) return;
    const to_ = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, Home: typed ? undefined : 0, End: typed ? undefined : found.length - 1 }[event.key];
    if (event.key === "Enter") take(found[chosen]);
    else if (to_ === undefined) return;
    else setAt((to_ + found.length) % Math.max(found.length, 1));
    event.preventDefault();
  };
  return (
    <dialog ref={dialog} class="palette" aria-label={words.open} onClose={close} onClick={(e) => e.target === dialog.current && close()}>
      <div class="box">
        <input
          // The types of the attributes want a list of the browser's own of every combobox. In a field for searching Escape would
          // only clear it.
          {...({ role: "combobox" } as object)}
          type="text"
          aria-expanded={found.length > 0}
          aria-controls={`${id}-list`}
          aria-activedescendant={found.length > 0 ? `${id}-${chosen}` : undefined}
          aria-label={words.label}
          placeholder={words.label}
          autocomplete="off"
          spellcheck={false}
          autofocus
          value={typed}
          onInput={(e) => {
            setTyped(e.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={key}
        />
      </div>
      <p class="offscreen" role="status">
        {words.found(found.length)}
      </p>
      {found.length === 0 && <p class="none muted">{words.none}</p>}
      <ul id={`${id}-list`} role="listbox" aria-label={words.open}>
        {found.map((entry, n) => (
          <li key={entry.id} id={`${id}-${n}`} role="option" aria-selected={n === chosen} onPointerMove={() => setAt(n)} onClick={() => take(entry)}>
            <span>{entry.words}</span>
            <span class="tag">{words.kinds[entry.kind]}</span>
          </li>
        ))}
      </ul>
    </dialog>
  );
}
