import { describe, expect, it } from "vitest";
import { after, fingerprintOf, partEnd, waitMs } from "./upload_rules";

const problem = (status: number, code = ""): Parameters<typeof after>[0] => ({ status, code, passing: status === 0 || status >= 500 });

describe("an upload that is refused", () => {
  it("goes on where a connection, a part or the server failed", () => {
    for (const each of [problem(0, "no_answer"), problem(503), problem(409, "upload_offset"), problem(400, "part_damaged"), problem(400, "broken_off")])
      expect(after(each)).toBe("again");
  });
  it("begins anew where the edge does not know it", () => expect(after(problem(404, "no_such_upload"))).toBe("anew"));
  it("gives up what can't end well", () => {
    for (const each of [problem(400, "not_media"), problem(507, "disk_full"), problem(409, "upload_superseded"), problem(403), problem(400, "upload_too_large")])
      expect(after(each)).toBe("give up");
  });
  it("waits longer and longer, up to a bound", () => {
    expect([0, 1, 2, 5, 50].map(waitMs)).toEqual([1000, 2000, 4000, 30000, 30000]);
  });
});

describe("parts", () => {
  it("end where the file does", () => {
    expect([partEnd(0, 10, 8), partEnd(8, 10, 8), partEnd(0, 10, 0)]).toEqual([8, 10, 1]);
  });
  it("are of the same file when name, size and time are", () => {
    const file = { name: "x".repeat(300), size: 5, lastModified: 7 };
    expect(fingerprintOf(file)).toHaveLength(200);
    expect(fingerprintOf({ ...file, lastModified: 8 })).not.toBe(fingerprintOf(file));
  });
});
