import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { PageProps } from "../app";
import { useAddresses } from "../api/asked";
import { api, ok, type Schemas } from "../api/client";
import { renew, useAsked } from "../api/query";
import { t } from "../i18n";
import { to } from "../root";
import { Cards } from "../ui/cards";
import { Button, Confirm, Copyable, Dialog, Field, Form, Time } from "../ui/parts";

type Room = Schemas["RoomShown"];

function Addresses({ room }: { room: Room }): JSX.Element {
  const words = t().goLive;
  const stream = `live/${room.stream}`;
  const found = useAddresses(stream).data?.items.find((a) => a.direction === "publish" && a.protocol === "rtmp");
  if (!found) return <p aria-busy="true">{t().common.loading}</p>;
  return (
    <>
      <Copyable label={words.server} text={found.server} />
      <Copyable label={words.key} text={found.key} secret={room.secret} />
      <p>
        <a href={to(`golive/${stream}`)}>{t().rooms.howTo}</a>
      </p>
    </>
  );
}

export function Rooms(_: PageProps): JSX.Element {
  const words = t().rooms;
  const rooms = useAsked(["rooms"], (signal) => ok(api.GET("/v1/rooms", { params: { query: { limit: 100 } }, signal })), { every: 10_000 });
  const [adding, setAdding] = useState(false);
  const [title, setTitle] = useState("");
  const [removing, setRemoving] = useState<Room | null>(null);
  return (
    <Cards
      title={words.title}
      none={words.none}
      add={words.add}
      adding={() => setAdding(true)}
      asked={rooms}
      card={(room) => (
        <article key={room.id} class="card pad">
          <h2>{room.title}</h2>
          <p class="muted">
            {words.made} <Time at={room.created_at} />
          </p>
          <Addresses room={room} />
          <div class="actions">
            <Button kind="danger" press={() => setRemoving(room)}>
              {t().common.remove}
            </Button>
          </div>
        </article>
      )}
    >
      {adding && (
        <Dialog title={words.add} close={() => setAdding(false)}>
          <Form
            send={words.add}
            cancel={() => setAdding(false)}
            act={async () => {
              await ok(api.POST("/v1/rooms", { body: { title } }));
              renew("rooms");
              setTitle("");
              setAdding(false);
            }}
          >
            <Field label={words.name} value={title} change={setTitle} hint={words.nameHint} />
          </Form>
        </Dialog>
      )}
      {removing && (
        <Confirm
          title={words.removeTitle(removing.title)}
          words={<p>{words.removeWords}</p>}
          yes={t().common.remove}
          close={() => setRemoving(null)}
          act={async () => {
            await ok(api.DELETE("/v1/rooms/{room}", { params: { path: { room: removing.id } } }));
            renew("rooms");
          }}
        />
      )}
    </Cards>
  );
}
