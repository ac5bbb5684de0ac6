import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useAddresses, useTargetsOf } from "../api/asked";
import { api, ok, type Schemas } from "../api/client";
import { renew, useAsked } from "../api/query";
import { duration } from "../format";
import { t, toldOf } from "../i18n";
import { to } from "../root";
import { Button, Confirm, Copyable, Dialog, Field, State, Time } from "../ui/parts";
import { useDraft } from "../ui/draft";
import { say } from "../ui/toasts";
import { Told } from "../ui/told";
import { nameOf, TONES } from "./recording";

export type Room = Schemas["RoomShown"];
const MASK = "***";

/** What it is called. */
export const titleOf = (room: Room): string => room.title || t().rooms.unnamed;

const streamName = (room: Room): string => `live/${room.stream}`;

/** Where its stream is published, by RTMP; the rest is one page further. */
export function Publishing({ room }: { room: Room }): JSX.Element {
  const words = t().goLive;
  const found = useAddresses(streamName(room)).data?.items.find((a) => a.direction === "publish" && a.protocol === "rtmp");
  if (!found) return <p aria-busy="true">{t().common.loading}</p>;
  const secret = found.masked ? undefined : room.secret;
  return (
    <>
      <Copyable label={words.server} text={found.server} />
      <Copyable label={words.key} text={found.key} secret={secret} />
      <p>
        <a href={to(`golive/${streamName(room)}`)}>{t().rooms.howTo}</a>
      </p>
    </>
  );
}

function Addresses({ room }: { room: Room }): JSX.Element {
  const words = t().rooms;
  const asked = useAddresses(streamName(room)).data?.items ?? [];
  const of = (direction: "publish" | "play"): Schemas["AddressShown"][] => asked.filter((a) => a.direction === direction && (direction === "play" || a.protocol !== "rtmp"));
  return (
    <section>
      <h3>{words.publish}</h3>
      <Publishing room={room} />
      {[...of("publish"), null, ...of("play")].map((address) =>
        address === null ? (
          <h3 key="watch">{words.watch}</h3>
        ) : address.url ? (
          <Copyable key={address.direction + address.node + address.protocol} label={address.protocol.toUpperCase()} text={address.url} secret={address.masked || !address.url.includes(room.secret) ? undefined : room.secret} />
        ) : (
          <p key={address.direction + address.node + address.protocol} class="muted">
            {address.protocol.toUpperCase()}: <Told of={toldOf(address.code, address.why)} />
          </p>
        ),
      )}
    </section>
  );
}

function Naming({ room }: { room: Room }): JSX.Element | null {
  const words = t().rooms;
  const { draft, write, saved } = useDraft(room.title);
  const [asking, setAsking] = useState(false);
  const path = { params: { path: { room: room.id } } };
  const made = (): string => crypto.getRandomValues(new Uint8Array(8)).reduce((text, byte) => text + byte.toString(16).padStart(2, "0"), "").toUpperCase();
  const change = async (body: Schemas["RoomChange"]): Promise<void> => {
    await ok(api.PATCH("/v1/rooms/{room}", { ...path, body }));
    renew("rooms");
    renew("addresses");
    say(words.renamed, "good");
  };
  if (draft === null) return null;
  if (room.secret === MASK) return <p class="muted">{words.masked}</p>;
  return (
    <>
      <div class="row">
        <Field label={words.name} value={draft} change={write} />
        <Button disabled={draft === room.title} press={() => change({ title: draft }).then(saved)}>
          {t().common.save}
        </Button>
      </div>
      <Copyable label={words.secret} text={room.secret} secret={room.secret} />
      <p>
        <Button press={() => setAsking(true)}>{words.newSecret}</Button>
      </p>
      {asking && <Confirm title={words.newSecret} words={<p>{words.newSecretWords}</p>} yes={words.newSecret} close={() => setAsking(false)} act={() => change({ secret: made() })} />}
    </>
  );
}

function Destinations({ room }: { room: Room }): JSX.Element {
  const words = t().rooms;
  const own = useTargetsOf(streamName(room)).data?.items ?? [];
  return (
    <section>
      <h3>{words.destinations}</h3>
      {own.length === 0 && <p class="muted">{words.noDestinations}</p>}
      <ul class="rows">
        {own.map((d) => (
          <li key={d.id}>
            <a href={to(`restream?search=${encodeURIComponent(d.name)}`)}>{d.name}</a>
            <span class="muted">{t().restream.states[d.enabled ? (d.push?.state ?? "waiting") : "off"]}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Recorded({ room }: { room: Room }): JSX.Element {
  const words = t().rooms;
  const asked = useAsked(["recordings", "room", room.stream], (signal) => ok(api.GET("/v1/recordings", { params: { query: { stream: streamName(room), limit: 5 } }, signal })), { every: 5000 });
  return (
    <section>
      <h3>{words.recordings}</h3>
      {asked.data?.items.length === 0 && <p class="muted">{words.noRecordings}</p>}
      <ul class="rows">
        {asked.data?.items.map((r) => (
          <li key={r.id}>
            <span>
              <a href={to(`recordings/${r.id}`)}>{nameOf(r)}</a> <Time at={r.started_at} />
            </span>
            <span>
              <State tone={TONES[r.state]}>{t().recordings.states[r.state]}</State> {duration(r.duration_ms / 1000)}
            </span>
          </li>
        ))}
      </ul>
      {asked.data?.cursor && <a href={to(`recordings?q=${encodeURIComponent(streamName(room))}`)}>{words.allRecordings}</a>}
    </section>
  );
}

/** One room beside the list. */
export const RoomPanel = ({ room, close }: { room: Room; close: () => void }): JSX.Element => (
  <Dialog title={titleOf(room)} close={close} wide>
    <div class="body">
      <Naming room={room} />
      <Addresses room={room} />
      <Destinations room={room} />
      <Recorded room={room} />
    </div>
  </Dialog>
);
