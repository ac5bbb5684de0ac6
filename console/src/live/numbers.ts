/** Numbers of a stream over time, as the API tells them: steps without a point are gaps. */
export interface Point {
  at: number;
  kbps: number | null;
  viewers: number;
}

export type Columns = [x: number[], kbps: (number | null)[], viewers: (number | null)[]];

/** One row for each step from `first` to `last` (seconds); null where nothing is known, so that a line breaks there. */
export function columns(points: readonly Point[], step: number, first: number, last: number): Columns {
  const known = new Map(points.map((p) => [Math.floor(p.at / step), p]));
  const out: Columns = [[], [], []];
  for (let slot = Math.floor(first / step); slot <= Math.floor(last / step); slot++) {
    const point = known.get(slot);
    out[0].push(slot * step);
    out[1].push(point?.kbps ?? null);
    out[2].push(point?.viewers ?? null);
  }
  return out;
}

export interface Sum {
  least: number;
  most: number;
  last: number;
  viewers: number;
}

/** What stands in words beside the lines; null while there is no bitrate. */
export function sum(points: readonly Point[]): Sum | null {
  const rates = points.flatMap((p) => (p.kbps === null ? [] : [p.kbps]));
  if (rates.length === 0) return null;
  return {
    least: Math.min(...rates),
    most: Math.max(...rates),
    last: rates[rates.length - 1] as number,
    viewers: Math.max(...points.map((p) => p.viewers)),
  };
}

/** How old what was told is, in seconds: by our own clock, from when it last changed. */
export class Ages {
  private readonly seen = new Map<string, { told: string | null; since: number }>();

  of(id: string, told: string | null, now: number): number {
    const known = this.seen.get(id);
    if (known && known.told === told) return (now - known.since) / 1000;
    this.seen.set(id, { told, since: now });
    return 0;
  }
}
