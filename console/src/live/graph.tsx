import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { rate } from "../format";
import { language, t } from "../i18n";
import { shownTheme } from "../theme";
import type { Columns } from "./numbers";

const HEIGHT = 190;

/** A colour of the page as a canvas takes it: it knows no variables. */
function colour(place: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  place.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

const clock = (seconds: number, exact: boolean): string =>
  new Date(seconds * 1000).toLocaleTimeString(language.value === "zh" ? "zh-CN" : "en-GB", { hour: "2-digit", minute: "2-digit", ...(exact ? { second: "2-digit" } : {}) });

/** Steps of less than a minute between two marks are told to the second. */
const marks = (_: uPlot, splits: number[]): string[] => splits.map((at) => clock(at, (splits[1] ?? 0) - (splits[0] ?? 0) < 60));

function options(place: HTMLElement): uPlot.Options {
  const words = t().graph;
  const [text, line] = [colour(place, "muted"), colour(place, "line")];
  const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  return {
    width: Math.max(place.clientWidth, 200),
    height: HEIGHT,
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { x: { time: true }, kbps: { range: (_, __, most) => [0, Math.max(most * 1.1, 1)] }, n: { range: (_, __, most) => [0, Math.max(most * 1.1, 4)] } },
    series: [
      { label: words.time, value: (_, at) => (at === null ? "–" : clock(at, true)) },
      { label: words.bitrate, scale: "kbps", stroke: colour(place, "accent"), width: 2, points: { show: false }, value: (_, v) => rate(v) },
      { label: words.viewers, scale: "n", stroke: colour(place, "blue"), width: 2, dash: [6, 4], points: { show: false }, value: (_, v) => (v === null ? "–" : String(v)) },
    ],
    axes: [
      { ...axis, space: 90, values: marks },
      { ...axis, scale: "kbps", size: 70, values: (_, splits) => splits.map((v) => (v >= 1000 ? `${v / 1000} M` : `${v} k`)) },
      { ...axis, scale: "n", side: 1, size: 40, grid: { show: false }, values: (_, splits) => splits.map((v) => (Number.isInteger(v) ? String(v) : "")) },
    ],
  };
}

/** Two lines on one axis of time. What it shows is told in words beside it. */
export function Graph({ data, label }: { data: Columns; label: string }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [theme, shown] = [shownTheme.value, language.value];
  useEffect(() => {
    const node = place.current;
    if (!node) return undefined;
    let made = new uPlot(options(node), data, node);
    plot.current = made;
    const draw = (): void => {
      const now = made.data;
      made.destroy();
      made = new uPlot(options(node), now, node);
      plot.current = made;
    };
    const sized = new ResizeObserver(() => made.setSize({ width: Math.max(node.clientWidth, 200), height: HEIGHT }));
    sized.observe(node);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    return () => {
      dark.removeEventListener("change", draw);
      sized.disconnect();
      made.destroy();
    };
  }, [theme, shown]);
  useEffect(() => plot.current?.setData(data), [data]);
  return <div class="graph" role="img" aria-label={label} ref={place} />;
}
