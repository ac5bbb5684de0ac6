/** The rules of an upload: where parts end, and what follows from a refusal. */
interface Refusal {
  status: number;
  code: string;
  /** Whether the same call may work a little later. */
  passing: boolean;
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

/** How long to wait before the n-th further try, from 0 on. */
export const waitMs = (n: number): number => Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(n, 10));

/** By what the edge knows a file again. */
export const fingerprintOf = (file: { name: string; size: number; lastModified: number }): string =>
  `${file.size}:${file.lastModified}:${file.name}`.slice(0, 200);

/** Where the part that begins at `offset` ends. */
export const partEnd = (offset: number, size: number, part: number): number => Math.min(size, offset + Math.max(1, part));

/** What to do after a call was refused: try again from where the edge says, begin anew, or give up. */
export function after(problem: Refusal): "again" | "anew" | "give up" {
  if (problem.status === 404 || problem.status === 401) return "anew";
  if (problem.code === "upload_superseded" || problem.code === "disk_full" || problem.code === "not_stored") return "give up";
  if (["upload_offset", "part_damaged", "broken_off", "too_slow", "upload_incomplete", "upload_done"].includes(problem.code)) return "again";
  return problem.passing ? "again" : "give up";
}
