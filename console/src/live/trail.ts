/** The bitrates of the last two minutes as this page saw them: they cost no question to the server. */
export class Trail {
  private readonly seen = new Map<string, { told: string; at: number; kbps: number | null }[]>();

  constructor(private readonly keptMs = 120_000) {}

  /** Takes what was told; the same telling again is none. */
  add(id: string, told: string, kbps: number | null, now: number): void {
    const known = this.seen.get(id) ?? [];
    if (known.at(-1)?.told === told) return;
    this.seen.set(id, [...known.filter((p) => now - p.at <= this.keptMs), { told, at: now, kbps }]);
  }

  /** What is no longer there is forgotten. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.seen.keys()) if (!ids.has(id)) this.seen.delete(id);
  }

  /** Lines of `x,y` in a box of 100 by 20, newest at the right; broken where nothing is known. */
  lines(id: string, now: number): string[] {
    const known = this.seen.get(id) ?? [];
    const most = Math.max(...known.map((p) => p.kbps ?? 0), 1);
    const lines: string[][] = [[]];
    for (const p of known) {
      if (p.kbps === null) lines.push([]);
      else (lines.at(-1) as string[]).push(`${(100 - ((now - p.at) / this.keptMs) * 100).toFixed(1)},${(19 - (p.kbps / most) * 17).toFixed(1)}`);
    }
    return lines.filter((line) => line.length > 1).map((line) => line.join(" "));
  }
}
