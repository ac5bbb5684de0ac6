import { language } from "./i18n";

const locale = (): string => (language.value === "zh" ? "zh-CN" : "en-GB");

/** Seconds as 1:02:03 or 2:03. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (n: number): string => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Bytes in units of 1,000. */
export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** A time of the API in the user's own zone: the time alone when it is today. */
export function when(at: string, now: Date = new Date()): string {
  const then = new Date(at);
  const clock = then.toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  if (then.toDateString() === now.toDateString()) return clock;
  const day = then.toLocaleDateString(locale(), { year: "numeric", month: "short", day: "numeric" });
  return `${day} ${clock}`;
}

/** The same in UTC, to be shown beside it. */
export const utc = (at: string): string => `${new Date(at).toISOString().replace("T", " ").slice(0, 19)} UTC`;

/** Kilobits a second; a dash for what is not known. */
export const rate = (kbps: number | null): string =>
  kbps === null ? "–" : kbps >= 10000 ? `${(kbps / 1000).toFixed(1)} Mbit/s` : `${Math.round(kbps)} kbit/s`;

/** A stream's address for a player of this page: each part of its name encoded. */
export const streamPath = (stream: string): string => stream.split("/").map(encodeURIComponent).join("/");
