/** What differs between two texts, line by line. */

export interface Line {
  /** ' ': in both; '-': only in the first; '+': only in the second. */
  kind: " " | "-" | "+";
  text: string;
}

const MOST_LINES = 400;

/** By the longest common subsequence; what is longer than it is worth is compared as a whole. */
export function diff(before: string, after: string): Line[] {
  const [a, b] = [before.split("\n"), after.split("\n")];
  if (before === after) return a.map((text) => ({ kind: " ", text }));
  if (a.length > MOST_LINES || b.length > MOST_LINES) return [...a.map((text): Line => ({ kind: "-", text })), ...b.map((text): Line => ({ kind: "+", text }))];
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) (lengths[i] as Uint16Array)[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: " ", text: a[i++] as string });
      j++;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) lines.push({ kind: "-", text: a[i++] as string });
    else lines.push({ kind: "+", text: b[j++] as string });
  }
  return lines;
}

/** JSON in lines, its names in one order; what is none, as it is. */
export function inLines(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
