/** Brings a file to the edge part by part, and goes on by itself where a connection broke. */
import { api, ok, Problem, type Schemas } from "./api/client";
import { away } from "./root";
import { after, fingerprintOf, partEnd, waitMs } from "./upload_rules";

export type Found = { target: string; name: string; size: number; format: Schemas["SourceFormat"] | null; video: Schemas["SourceVideo"] | null; audio: Schemas["SourceAudio"] | null };

export interface Progress {
  state: "sending" | "waiting" | "paused" | "checking" | "done" | "failed";
  /** Bytes that are on their way or safe. */
  sent: number;
  /** Of one that failed: why. */
  problem: Problem | null;
  found: Found | null;
}

async function sha256(data: Blob): Promise<string> {
  // Over plain HTTP browsers have no digests; TCP's own checks must do there.
  if (!globalThis.crypto?.subtle) return "";
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await data.arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

interface Sent {
  method: "GET" | "PUT" | "POST" | "DELETE";
  path: string;
  token: string;
  body?: Blob;
  headers?: Record<string, string>;
  progress?: (bytes: number) => void;
}

/** One call to the edge. XMLHttpRequest tells how much of a body is on its way; `fetch` does not. */
function send(call: Sent, keep: (request: XMLHttpRequest) => void): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    keep(request);
    request.open(call.method, away(call.path));
    request.setRequestHeader("Authorization", `Bearer ${call.token}`);
    for (const [name, value] of Object.entries(call.headers ?? {})) request.setRequestHeader(name, value);
    if (call.progress) request.upload.onprogress = (event) => call.progress?.(event.loaded);
    request.onload = () => {
      let told: Record<string, unknown> = {};
      try {
        told = JSON.parse(request.responseText || "{}") as Record<string, unknown>;
      } catch {
        /* what has no body says it by its status */
      }
      if (request.status < 300) resolve(told);
      else reject(new Problem(request.status, String(told["code"] ?? ""), (told["params"] ?? {}) as Record<string, unknown>, String(told["detail"] ?? request.statusText)));
    };
    request.onerror = request.ontimeout = () => reject(new Problem(0, "no_answer", {}, "The server does not answer."));
    request.onabort = () => reject(new Problem(0, "aborted", {}, ""));
    request.send(call.body ?? null);
  });
}

export class Uploader {
  private begun: Schemas["UploadShown"] | null = null;
  private offset = 0;
  private failures = 0;
  private stopped = false;
  private running: XMLHttpRequest | null = null;
  private wake: () => void = () => undefined;

  constructor(
    readonly file: File,
    private readonly node: string,
    private readonly report: (progress: Progress) => void,
  ) {}

  /** Begins, or goes on. */
  start(): void {
    this.stopped = false;
    void this.run();
  }

  /** Stops for now; what is safe stays so for a day. */
  pause(): void {
    this.stopped = true;
    this.running?.abort();
    this.wake();
    this.tell("paused");
  }

  /** Gives it up, and what there is of it. */
  async cancel(): Promise<void> {
    this.stopped = true;
    this.running?.abort();
    this.wake();
    if (this.begun) await this.call({ method: "DELETE", path: this.begun.path, token: this.begun.token }).catch(() => undefined);
  }

  private tell(state: Progress["state"], more: Partial<Progress> = {}): void {
    this.report({ state, sent: this.offset, problem: null, found: null, ...more });
  }

  private call(call: Sent): Promise<Record<string, unknown>> {
    return send(call, (request) => (this.running = request));
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      try {
        const found = await this.step();
        this.failures = 0;
        if (found) return this.tell("done", { sent: this.file.size, found });
      } catch (error) {
        if (!(await this.mended(error))) return;
      }
    }
  }

  /** The next thing to do; what was found in the file once it is whole. */
  private async step(): Promise<Found | null> {
    if (!this.begun) {
      const { name, size } = this.file;
      const body = { name, size, fingerprint: fingerprintOf(this.file), node: this.node };
      this.begun = await ok(api.POST("/v1/uploads", { body }));
      this.offset = this.begun.offset;
    }
    const { path, token } = this.begun;
    if (this.offset === this.file.size) {
      this.tell("checking");
      return (await this.call({ method: "POST", path: `${path}/complete`, token })) as unknown as Found;
    }
    this.tell("sending");
    const begin = this.offset;
    const part = this.file.slice(begin, partEnd(begin, this.file.size, this.begun.chunk_bytes));
    const digest = await sha256(part);
    const headers: Record<string, string> = { "Upload-Offset": String(begin), "Content-Type": "application/octet-stream", ...(digest ? { "X-Checksum-Sha256": digest } : {}) };
    if (this.stopped) return null;
    const told = await this.call({ method: "PUT", path, token, body: part, headers, progress: (bytes) => this.tell("sending", { sent: begin + bytes }) });
    this.offset = Number(told["offset"]);
    return null;
  }

  /** Whether it goes on after an error. */
  private async mended(error: unknown): Promise<boolean> {
    if (this.stopped) return false;
    const problem = error instanceof Problem ? error : new Problem(400, "unreadable", {}, error instanceof Error ? error.message : String(error));
    const next = after(problem);
    if (next === "give up") {
      this.tell("failed", { problem });
      return false;
    }
    this.failures += 1;
    if (next === "anew") this.begun = null;
    else if (typeof problem.params["offset"] === "number") this.offset = problem.params["offset"];
    if (problem.status === 0 || this.failures > 1) await this.pauseFor(waitMs(this.failures - 1));
    if (!this.stopped && this.begun && problem.status === 0) await this.ask();
    return !this.stopped;
  }

  /** What of it is safe, after nobody said. */
  private async ask(): Promise<void> {
    if (!this.begun) return;
    try {
      this.offset = Number((await this.call({ method: "GET", path: this.begun.path, token: this.begun.token }))["offset"]);
    } catch (error) {
      if (error instanceof Problem && after(error) === "anew") this.begun = null;
    }
  }

  private pauseFor(ms: number): Promise<void> {
    this.tell("waiting");
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        removeEventListener("online", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      addEventListener("online", done);
      this.wake = done;
    });
  }
}
