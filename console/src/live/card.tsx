import type { JSX } from "preact";
import { api, ok, type Schemas } from "../api/client";
import { renew, useAsked } from "../api/query";
import { streamPath } from "../format";
import { t, toldOf } from "../i18n";
import { to } from "../root";
import { AsCurl } from "../ui/curl";
import { Button, State, Time, Waiting, type Tone } from "../ui/parts";
import { say } from "../ui/toasts";
import { Told } from "../ui/told";

type Card = Schemas["TestCardShown"];

const TONES: Record<string, Tone> = { running: "green", retrying: "amber", starting: "blue" };

function Running({ card }: { card: Card }): JSX.Element {
  const words = t().card;
  const stop = async (): Promise<void> => {
    await ok(api.DELETE("/v1/test-cards/{card}", { params: { path: { card: card.id } } }));
    say(words.stopped(card.stream), "good");
    renew("test-cards");
  };
  return (
    <li>
      <span>
        <State tone={TONES[card.state] ?? "grey"}>{words.states[card.state]}</State>{" "}
        <a href={to(`live/${streamPath(card.stream)}`)}>{card.stream}</a>{" "}
        <span class="muted">
          {words.until} <Time at={card.until} />
        </span>
        {card.last_error && card.state !== "running" && (
          <p class="why">
            <Told of={toldOf(card.code, card.last_error, card.params)} />
          </p>
        )}
      </span>
      <Button press={stop} label={words.stopThis(card.stream)}>
        {t().restream.stop}
      </Button>
    </li>
  );
}

/** Publishes a test card as the stream chosen, and shows those that run, each with its end. */
export function TestCard({ stream }: { stream: string }): JSX.Element {
  const words = t().card;
  const cards = useAsked(["test-cards"], (signal) => ok(api.GET("/v1/test-cards", { signal })), { every: 3000 });
  const running = cards.data?.items ?? [];
  const send = (): Promise<unknown> => ok(api.POST("/v1/test-cards", { body: { stream } }));
  const start = async (): Promise<void> => {
    await send();
    say(words.started(stream), "good");
    renew("test-cards");
  };
  return (
    <section class="card pad">
      <h2>{words.title}</h2>
      <p class="muted">{words.words}</p>
      {!cards.data && <Waiting error={cards.error} again={cards.again} />}
      {running.length > 0 && (
        <ul class="rows">
          {running.map((card) => (
            <Running key={card.id} card={card} />
          ))}
        </ul>
      )}
      {!running.some((card) => card.stream === stream) && <Button press={start}>{words.start(stream)}</Button>}
      <AsCurl act={send} />
    </section>
  );
}
