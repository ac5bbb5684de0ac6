import type { JSX } from "preact";
import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";
import type { PageProps } from "../app";
import { api, ok } from "../api/client";
import { usePaged } from "../api/paged";
import { queries, renew, useAsked } from "../api/query";
import { t } from "../i18n";
import { to } from "../root";
import { Cards } from "../ui/cards";
import { AsCurl } from "../ui/curl";
import { Button, Dialog, Empty, Field, Form, Time } from "../ui/parts";
import { Pager } from "../ui/pager";
import { Search, useAddress } from "../ui/search";
import { later } from "../ui/toasts";
import { Publishing, RoomPanel, titleOf, type Room } from "./room";

/** Makes a room, and leads to it: its addresses are what it was made for. */
function Adding({ close, made }: { close: () => void; made: (id: string) => void }): JSX.Element {
  const words = t().rooms;
  const [title, setTitle] = useState("");
  const [stream, setStream] = useState("");
  const [secret, setSecret] = useState("");
  const send = (): Promise<Room> => ok(api.POST("/v1/rooms", { body: { title, stream: stream.trim(), secret: secret.trim() } }));
  return (
    <Dialog title={words.add} close={close}>
      <Form
        send={words.add}
        cancel={close}
        act={async () => {
          const room = await send();
          renew("rooms");
          close();
          made(room.id);
        }}
      >
        <Field label={words.name} value={title} change={setTitle} hint={words.nameHint} />
        <Field label={words.stream} value={stream} change={setStream} hint={words.streamHint} />
        <Field label={words.secret} value={secret} change={setSecret} hint={words.secretHint} />
        <AsCurl act={send} secret={secret.trim()} />
      </Form>
    </Dialog>
  );
}

function Card({ room, search }: { room: Room; search: string }): JSX.Element {
  const words = t().rooms;
  const path = { params: { path: { room: room.id } } };
  const [open, setOpen] = useState(false);
  return (
    <article class="card pad">
      <h2>
        <a href={to(`rooms/${room.id}${search}`)} aria-label={words.open(titleOf(room))}>
          {titleOf(room)}
        </a>
      </h2>
      <p class="muted">
        <code>live/{room.stream}</code> · {words.made} <Time at={room.created_at} />
      </p>
      <details onToggle={(e) => setOpen(e.currentTarget.open)}>
        <summary>{words.publish}</summary>
        {open && <Publishing room={room} />}
      </details>
      <div class="actions">
        <Button
          kind="danger"
          press={() =>
            later(room.id, words.removed(titleOf(room)), async () => {
              await ok(api.DELETE("/v1/rooms/{room}", { ...path, keepalive: true }));
              await queries.invalidateQueries({ queryKey: ["rooms"] });
            })
          }
        >
          {t().common.remove}
        </Button>
      </div>
    </article>
  );
}

const PAGE = 48;
const SORTS = ["created_at", "title"] as const;

export function Rooms({ id }: PageProps): JSX.Element {
  const words = t().rooms;
  const { route } = useLocation();
  const [query, change, search] = useAddress(id ? `rooms/${id}` : "rooms");
  const [adding, setAdding] = useState(false);
  const q = (query["q"] ?? "").slice(0, 200);
  const sort = SORTS.find((each) => each === query["sort"]);
  const list = usePaged<Room>(
    "rooms",
    search,
    PAGE,
    (cursor, signal) => ok(api.GET("/v1/rooms", { params: { query: { limit: PAGE, ...(q ? { q } : {}), ...(sort ? { sort } : {}), ...(cursor ? { cursor } : {}) } }, signal })),
    10_000,
  );
  const one = useAsked(["rooms", "one", id], (signal) => ok(api.GET("/v1/rooms/{room}", { params: { path: { room: id } }, signal })), { enabled: id !== "", every: 10_000 });
  const close = (): void => route(`${to("rooms")}${search}`);
  return (
    <Cards
      title={words.title}
      none={words.none}
      add={words.add}
      adding={() => setAdding(true)}
      asked={{ ...list.asked, data: list.items && { items: list.items } }}
      filtered={q !== "" ? t().common.noneFits : undefined}
      below={<Pager of={list} />}
      filter={
        <div class="filters" role="search" aria-label={t().recordings.filters}>
          <Search label={t().recordings.filter} value={q} change={(typed) => change({ q: typed })} />
          <Field
            label={t().recordings.sort}
            value={query["sort"] ?? ""}
            change={(wanted) => change({ sort: wanted })}
            options={[
              { value: "", label: t().recordings.newest },
              { value: "created_at", label: t().recordings.oldest },
              { value: "title", label: words.byName },
            ]}
          />
        </div>
      }
      card={(room) => <Card key={room.id} room={room} search={search} />}
    >
      {adding && <Adding close={() => setAdding(false)} made={(room) => route(to(`rooms/${room}`))} />}
      {id && one.data && one.error?.status !== 404 && <RoomPanel key={id} room={one.data} close={close} />}
      {id && one.error?.status === 404 && <Empty words={words.gone} />}
    </Cards>
  );
}
