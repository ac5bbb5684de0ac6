import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Target } from "../api/asked";
import { api, ok } from "../api/client";
import { queries, renew } from "../api/query";
import { rate } from "../format";
import { t } from "../i18n";
import { AsCurl } from "../ui/curl";
import { Since } from "../ui/countdown";
import { Icon } from "../ui/icons";
import { Button, Time } from "../ui/parts";
import { Fits, NextTry, PushState, whyNot } from "../ui/push";
import { Told } from "../ui/told";
import { later, say } from "../ui/toasts";

const at = (target: Target): { params: { path: { destination: string } } } => ({ params: { path: { destination: target.id } } });

/** Starts or stops a destination. */
export const toggle = (target: Target, on: boolean): Promise<unknown> =>
  ok(on ? api.POST("/v1/destinations/{destination}/enable", at(target)) : api.POST("/v1/destinations/{destination}/disable", at(target)));

/** Removes some, after the time to think again. */
export function remove(targets: readonly Target[]): void {
  const words = targets.length === 1 && targets[0] ? t().restream.removed(targets[0].name) : t().operate.restream.removing(targets.length);
  later(
    targets.map((each) => each.id),
    words,
    async () => {
      // They are sent to their end, also while the page is being left.
      await Promise.all(targets.map((each) => ok(api.DELETE("/v1/destinations/{destination}", { ...at(each), keepalive: true }))));
      await queries.invalidateQueries({ queryKey: ["destinations"] });
    },
  );
}

interface CardProps {
  target: Target;
  edit: () => void;
  selected: boolean;
  select: (on: boolean) => void;
  /** Moves it by so many places; absent: it can't be moved now. */
  move?: ((by: number) => void) | undefined;
  /** Another one was dropped on it. */
  dropped: (id: string) => void;
}

const STEPS: Record<string, number> = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, Home: -1000, End: 1000 };

/** Dragged, moved by the arrow keys, or pressed: then two buttons move it, for whoever has neither mouse nor keyboard. */
function Handle({ target, move, open, toggle }: { target: Target; move: (by: number) => void; open: boolean; toggle: () => void }): JSX.Element {
  return (
    <button
      type="button"
      id={`move-${target.id}`}
      class="button quiet handle"
      aria-label={t().operate.restream.move(target.name)}
      title={t().operate.restream.move(target.name)}
      aria-expanded={open}
      draggable
      onClick={toggle}
      onDragStart={(e) => e.dataTransfer?.setData("text/x-destination", target.id)}
      onKeyDown={(e) => {
        const by = STEPS[e.key];
        if (by === undefined) return;
        e.preventDefault();
        move(by);
      }}
    >
      <Icon name="handle" />
    </button>
  );
}

export function Card({ target, edit, selected, select, move, dropped }: CardProps): JSX.Element {
  const words = t().restream;
  const more = t().operate.restream;
  const [moving, setMoving] = useState(false);
  const push = target.push;
  const why = whyNot(target);
  const unfit = target.unfit ?? [];
  const running = push?.state === "running";
  return (
    <article
      class="card pad destination"
      onDragOver={(e) => e.dataTransfer?.types.includes("text/x-destination") && e.preventDefault()}
      onDrop={(e) => {
        e.preventDefault();
        dropped(e.dataTransfer?.getData("text/x-destination") ?? "");
      }}
    >
      <header class="card-head">
        <label class="check">
          <input type="checkbox" checked={selected} aria-label={more.select(target.name)} onChange={(e) => select(e.currentTarget.checked)} />
        </label>
        <h2>{target.name}</h2>
        {move && <Handle target={target} move={move} open={moving} toggle={() => setMoving(!moving)} />}
      </header>
      {move && moving && (
        <div class="actions">
          <Button press={() => move(-1)}>{more.earlier}</Button>
          <Button press={() => move(1)}>{more.later}</Button>
        </div>
      )}
      <p class="states">
        <PushState target={target} />
        {target.enabled && push?.state === "retrying" && push.next_try_at && <NextTry at={push.next_try_at} />}
      </p>
      {target.key_missing && <p class="why">{more.keyMissing}</p>}
      {/* What went wrong before it ran is over. */}
      {target.enabled && why && !running && (
        <p class="why">
          <Told of={why} />
        </p>
      )}
      {target.enabled && !running && push?.last_error && push.last_error !== why?.said && (
        <details>
          <summary class="hint">{more.said}</summary>
          <pre>{push.last_error}</pre>
        </details>
      )}
      {unfit.length > 0 && !(push?.code ?? "").startsWith("codec_") && <Fits fits={unfit} />}
      <dl class="facts">
        <dt>{words.address}</dt>
        <dd>
          <code>{target.url}</code>
        </dd>
        <dt>{words.streams}</dt>
        <dd>{target.streams.join(" ") || target.stream_name || target.room || "–"}</dd>
        <dt>{words.traffic}</dt>
        <dd>{rate(running ? (push?.bitrate_kbps ?? null) : null)}</dd>
        <dt>{more.runningFor}</dt>
        <dd>{running && push?.running_since ? <Since at={push.running_since} /> : "–"}</dd>
        <dt>{more.attempt}</dt>
        <dd>{push?.attempt || "–"}</dd>
        <dt>{words.told}</dt>
        <dd>
          <Time at={push?.at ?? null} />
        </dd>
      </dl>
      <div class="actions">
        {target.enabled && push?.state === "retrying" && (
          <Button
            kind="quiet"
            press={async () => {
              await ok(api.POST("/v1/destinations/{destination}/retry", at(target)));
              renew("destinations");
              say(more.retried, "good");
            }}
          >
            {more.retry}
          </Button>
        )}
        <Button
          kind="quiet"
          press={async () => {
            await toggle(target, !target.enabled);
            renew("destinations");
          }}
        >
          {target.enabled ? words.stop : words.start}
        </Button>
        <Button kind="quiet" press={edit}>
          {t().common.edit}
        </Button>
        <Button kind="danger" press={() => remove([target])}>
          {t().common.remove}
        </Button>
      </div>
      <AsCurl
        act={() => (push?.state === "retrying" ? ok(api.POST("/v1/destinations/{destination}/retry", at(target))) : toggle(target, !target.enabled))}
      />
    </article>
  );
}
