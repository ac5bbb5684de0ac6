import type { JSX } from "preact";
import { useLocation } from "preact-iso";
import { useEffect, useState } from "preact/hooks";
import type { PageProps } from "../app";
import type { Target } from "../api/asked";
import { api, ok } from "../api/client";
import { usePaged } from "../api/paged";
import { renew } from "../api/query";
import { t } from "../i18n";
import { queried, useQuery } from "../ui/address";
import { Cards } from "../ui/cards";
import { useOrder } from "../ui/order";
import { Pager } from "../ui/pager";
import { Button, Field } from "../ui/parts";
import { wordsOf } from "../ui/problems";
import { Search } from "../ui/search";
import { say } from "../ui/toasts";
import { Card, remove, toggle } from "./restream-card";
import { Editor } from "./restream-editor";

const FRESH_MS = 2000;
const PAGE = 48;
const STATES = ["off", "waiting", "starting", "running", "retrying"] as const;

/** What can be done with those that are selected. */
function Bulk({ chosen, clear }: { chosen: Target[]; clear: () => void }): JSX.Element | null {
  const words = t().operate.restream;
  if (chosen.length === 0) return null;
  const all = async (on: boolean): Promise<void> => {
    const done = await Promise.allSettled(chosen.map((target) => toggle(target, on)));
    renew("destinations");
    const failed = chosen.filter((_, at) => done[at]?.status === "rejected");
    say(failed.length ? words.notDone(failed.map((each) => each.name).join(", ")) : words.done(chosen.length), failed.length ? "bad" : "good");
    clear();
  };
  return (
    <div class="bulk" role="region" aria-label={words.selected(chosen.length)}>
      <strong aria-live="polite">{words.selected(chosen.length)}</strong>
      <Button press={() => all(true)}>{t().restream.start}</Button>
      <Button press={() => all(false)}>{t().restream.stop}</Button>
      <Button
        kind="danger"
        press={() => {
          remove(chosen);
          clear();
        }}
      >
        {t().common.remove}
      </Button>
      <Button kind="quiet" press={clear}>
        {words.clear}
      </Button>
    </div>
  );
}

export function Restream(_: PageProps): JSX.Element {
  const words = t().restream;
  const more = t().operate.restream;
  const { route } = useLocation();
  const query = useQuery();
  const wanted = { search: query["search"] ?? "", state: STATES.find((each) => each === query["state"]) ?? "" } as const;
  const filtered = Boolean(wanted.search || wanted.state);
  const list = usePaged<Target>(
    "destinations",
    JSON.stringify(wanted),
    PAGE,
    (cursor, signal) => ok(api.GET("/v1/destinations", { params: { query: { limit: PAGE, ...wanted, ...(cursor ? { cursor } : {}) } }, signal })),
    FRESH_MS,
  );
  const total = list.total ?? 0;
  const [editing, setEditing] = useState<Target | "new" | null>(null);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [said, setSaid] = useState("");
  const [focus, setFocus] = useState("");
  /** `place`: on this page, from 1. */
  const tell = async (id: string, place: number): Promise<void> => {
    await ok(api.PATCH("/v1/destinations/{destination}", { params: { path: { destination: id } }, body: { position: list.at + place } }));
    await list.asked.refetched();
  };
  const order = useOrder<Target>(tell, (error) => say(wordsOf(error), "bad"));
  // A card that was moved in the page has lost the focus.
  useEffect(() => document.getElementById(focus)?.focus(), [said]);
  const items = list.items ?? [];
  const shown = order.shown(items);
  const moveTo = (target: Target, to: number): void => {
    const ids = shown.map((each) => each.id);
    const at = Math.max(-list.at, Math.min(to, total - 1 - list.at));
    if (at === ids.indexOf(target.id)) return;
    // Beyond the ends of this page it is on another one.
    if (at < 0 || at >= ids.length) void tell(target.id, at + 1).catch((error: unknown) => say(wordsOf(error), "bad"));
    else order.move(ids, target.id, at);
    setFocus(`move-${target.id}`);
    setSaid(more.moved(target.name, list.at + at + 1, total));
  };
  return (
    <Cards
      title={words.title}
      none={words.none}
      filtered={filtered ? more.noneFound : undefined}
      add={words.add}
      adding={() => setEditing("new")}
      asked={{ ...list.asked, data: list.items && { items: list.items } }}
      below={<Pager of={list} />}
      order={order.shown}
      filter={
        (total > 1 || filtered) && (
          <>
            <Search label={more.search} value={wanted.search} change={(search) => route(queried({ ...wanted, search }), true)} />
            <Field
              label={more.state}
              value={wanted.state}
              change={(state) => route(queried({ ...wanted, state }), true)}
              options={[{ value: "", label: more.anyState }, ...STATES.map((value) => ({ value, label: words.states[value] ?? value }))]}
            />
          </>
        )
      }
      above={
        <p class="offscreen" role="status" aria-live="polite">
          {said}
        </p>
      }
      card={(target) => (
        <Card
          key={target.id}
          target={target}
          edit={() => setEditing(target)}
          selected={selected.has(target.id)}
          select={(on) => setSelected(new Set(on ? [...selected, target.id] : [...selected].filter((id) => id !== target.id)))}
          // Among what is filtered a place means nothing.
          move={!filtered && total > 1 ? (by) => moveTo(target, shown.indexOf(target) + by) : undefined}
          dropped={(id) => {
            const one = shown.find((each) => each.id === id);
            if (one && !filtered) moveTo(one, shown.indexOf(target));
          }}
        />
      )}
    >
      <Bulk chosen={shown.filter((each) => selected.has(each.id))} clear={() => setSelected(new Set())} />
      {editing && <Editor target={editing === "new" ? undefined : editing} close={() => setEditing(null)} />}
    </Cards>
  );
}
