import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import { api, ok } from "../api/client";
import { useAsked } from "../api/query";
import { duration } from "../format";
import { t, toldOf } from "../i18n";
import { State, Time, Waiting, type Tone } from "../ui/parts";
import { Told } from "../ui/told";
import { around, place, rows, span, type Item, type Life } from "./axis";

const LIVE_MS = 10_000;
const OVER_MS = 60_000;
const TONES: Partial<Record<Item["state"], Tone>> = {
  live: "red", recording: "red", running: "green", kept: "green", delivered: "green", admitted: "blue", starting: "blue", slate: "amber", retrying: "amber",
  gaps: "amber", pending: "amber", refused: "red", dead: "red",
};
const tone = (item: Item): Tone => TONES[item.state] ?? "grey";

/** What an item is, in words: its lane, which of several, its state, and why. */
function Said({ item }: { item: Item }): JSX.Element {
  const words = t().life;
  const why = item.lane === "recording" ? { words: item.state === "gaps" ? words.gaps(Number(item.text)) : "", said: "" } : toldOf(item.code, item.text, item.params);
  const name = item.lane === "recording" ? "" : item.name;
  return (
    <>
      <State tone={tone(item)}>
        {words.lanes[item.lane]}
        {name && ` ${name}`}: {words.states[item.state]}
      </State>{" "}
      {why.words && (
        <span class="muted">
          <Told of={why} />
        </span>
      )}
    </>
  );
}

/** A moment is chosen on the axis by mouse, finger or keyboard; what went on then stands below. */
function Axis({ life }: { life: Life }): JSX.Element {
  const words = t().life;
  const [chosen, setChosen] = useState<number | null>(null);
  const id = useId();
  const axis = span(life);
  const [begin, end] = axis;
  const moment = Math.min(Math.max(chosen ?? Date.parse(life.session.ended_at ?? life.now), begin), end);
  const found = around(life, moment, axis);
  const x = ((moment - begin) / (end - begin)) * 1000;
  const clock = new Date(moment).toISOString();
  const since = duration((moment - Date.parse(life.session.admitted_at)) / 1000);
  return (
    <div class="axis">
      {rows(life).map((row) => (
        <div class="axis-row" key={`${row.lane} ${row.name}`}>
          <span class="axis-name">{row.name || words.lanes[row.lane]}</span>
          <svg viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true" onClick={(e) => {
            const box = e.currentTarget.getBoundingClientRect();
            setChosen(begin + ((e.clientX - box.left) / box.width) * (end - begin));
          }}>
            {row.items.map((item, n) => {
              const [left, width] = place(item, life.now, axis);
              return <rect key={n} class={tone(item)} x={left} y={3} width={width} height={14} />;
            })}
            <line class="moment" x1={x} x2={x} y1={0} y2={20} vector-effect="non-scaling-stroke" />
          </svg>
        </div>
      ))}
      <div class="axis-row">
        <label class="axis-name" for={id}>{words.moment}</label>
        <input id={id} type="range" min={Math.round(begin)} max={Math.round(end)} step={1000} value={Math.round(moment)} aria-valuetext={`${clock.slice(11, 19)} UTC, ${since}`} onInput={(e) => setChosen(Number(e.currentTarget.value))} />
      </div>
      <div class="axis-said" aria-live="polite">
        <p>
          <Time at={clock} /> <span class="muted">{Date.parse(life.session.admitted_at) <= moment && words.after(since)}</span>
        </p>
        {found.length === 0 && <p class="muted">{words.nothing}</p>}
        <ul class="life">
          {found.map((item, n) => (
            <li key={n}>
              <Said item={item} />
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

/** The life of a session: one axis of time for its publish, pushes, recording, callbacks and refusals; and all of it as a list. */
export function LifeLine({ session, over = false }: { session: string; over?: boolean }): JSX.Element {
  const words = t().life;
  const path = { params: { path: { session } } };
  const told = useAsked(["life", session], (signal) => ok(api.GET("/v1/sessions/{session}/life", { ...path, signal })), { every: over ? OVER_MS : LIVE_MS });
  if (!told.data) return <div class="lifeline"><Waiting error={told.error} again={told.again} /></div>;
  return (
    <section class="lifeline" aria-label={t().live.lifeLine}>
      {!told.data.whole && <p class="hint">{words.notWhole}</p>}
      <Axis life={told.data} />
      <details>
        <summary>{words.all(told.data.items.length)}</summary>
        <ol class="life">
          {told.data.items.map((item, n) => (
            <li key={n}>
              <Time at={item.at} /> <Said item={item} />
            </li>
          ))}
        </ol>
      </details>
    </section>
  );
}
