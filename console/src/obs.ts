/** Sets OBS on this computer up by its own WebSocket (obs-websocket 5): Hello, Identify with an answer to a challenge, then requests. */
import { base64, sha256, utf8 } from "./crypt";

export type Trouble = "no_obs" | "no_password" | "wrong_password" | "not_obs" | "busy" | "refused" | "timeout";

/** Why OBS was not set up; `said` is what OBS says of it. */
export class ObsError extends Error {
  constructor(
    readonly trouble: Trouble,
    readonly said = "",
  ) {
    super(trouble);
  }
}

/** What of a WebSocket is used here. */
export interface Socket {
  send: (text: string) => void;
  close: () => void;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
}

/** The policy of the page lets in these two alone. */
export const PLACES = ["ws://127.0.0.1:4455", "ws://localhost:4455"] as const;
const TIMEOUT_MS = 8000;
const HELLO = 0;
const IDENTIFY = 1;
const IDENTIFIED = 2;
const REQUEST = 6;
const RESPONSE = 7;
const AUTHENTICATION_FAILED = 4009;
const OUTPUT_RUNNING = 500;

const text64 = async (text: string): Promise<string> => base64(await sha256(utf8(text)));

/** The answer to a challenge: the password itself stays here. */
export const authentication = async (password: string, salt: string, challenge: string): Promise<string> => text64((await text64(password + salt)) + challenge);

interface Message {
  op: number;
  d: Record<string, unknown>;
}

function read(data: unknown): Message {
  try {
    const told: unknown = JSON.parse(String(data));
    if (typeof told === "object" && told !== null && "op" in told && "d" in told) return told as Message;
  } catch {
    /* below */
  }
  throw new ObsError("not_obs");
}

/** Messages one after the other, as they are waited for. */
class Talk {
  private readonly heard: Message[] = [];
  private waiting: { take: (message: Message) => void; fail: (error: ObsError) => void } | null = null;
  private over: ObsError | null = null;

  constructor(private readonly socket: Socket) {
    socket.onmessage = (event) => {
      try {
        this.hear(read(event.data));
      } catch (error) {
        this.end(error as ObsError);
      }
    };
    socket.onclose = (event) => this.end(new ObsError(event.code === AUTHENTICATION_FAILED ? "wrong_password" : "not_obs"));
  }

  private hear(message: Message): void {
    const { waiting } = this;
    this.waiting = null;
    if (waiting) waiting.take(message);
    else this.heard.push(message);
  }

  private end(error: ObsError): void {
    this.over ??= error;
    this.waiting?.fail(this.over);
  }

  send(op: number, d: Record<string, unknown>): void {
    this.socket.send(JSON.stringify({ op, d }));
  }

  /** The next message of a kind; others are passed over. */
  async next(op: number, fits: (d: Record<string, unknown>) => boolean = () => true): Promise<Record<string, unknown>> {
    for (;;) {
      const message = await this.any();
      if (message.op === op && fits(message.d)) return message.d;
    }
  }

  private any(): Promise<Message> {
    const first = this.heard.shift();
    if (first) return Promise.resolve(first);
    return new Promise((take, fail) => {
      if (this.over) return fail(this.over);
      const timer = setTimeout(() => fail(new ObsError("timeout")), TIMEOUT_MS);
      this.waiting = {
        take: (message) => {
          clearTimeout(timer);
          take(message);
        },
        fail: (error) => {
          clearTimeout(timer);
          fail(error);
        },
      };
    });
  }

  async ask(requestType: string, requestData: Record<string, unknown> = {}): Promise<void> {
    const requestId = `sluice-${requestType}`;
    this.send(REQUEST, { requestType, requestId, requestData });
    const told = await this.next(RESPONSE, (d) => d["requestId"] === requestId);
    const status = (told["requestStatus"] ?? {}) as Record<string, unknown>;
    if (status["result"] !== true) throw new ObsError(status["code"] === OUTPUT_RUNNING ? "busy" : "refused", String(status["comment"] ?? ""));
  }
}

async function identify(talk: Talk, password: string): Promise<void> {
  const hello = await talk.next(HELLO);
  if (typeof hello["rpcVersion"] !== "number") throw new ObsError("not_obs");
  const asked = hello["authentication"] as { challenge?: unknown; salt?: unknown } | undefined;
  if (asked && !password) throw new ObsError("no_password");
  const answer = asked ? { authentication: await authentication(password, String(asked.salt), String(asked.challenge)) } : {};
  // No events are wanted.
  talk.send(IDENTIFY, { rpcVersion: 1, eventSubscriptions: 0, ...answer });
  await talk.next(IDENTIFIED);
}

/** Has OBS publish to a server by a key, and begin at once if that is wanted. */
export async function setUp(socket: Socket, target: { server: string; key: string; password: string; start: boolean }): Promise<void> {
  const talk = new Talk(socket);
  try {
    await identify(talk, target.password);
    const streamServiceSettings = { server: target.server, key: target.key, use_auth: false };
    await talk.ask("SetStreamServiceSettings", { streamServiceType: "rtmp_custom", streamServiceSettings });
    if (target.start) await talk.ask("StartStream");
  } finally {
    socket.onmessage = socket.onclose = null;
    socket.close();
  }
}

/** A connection to the OBS of this computer. */
export async function connect(): Promise<Socket> {
  for (const place of PLACES) {
    const socket = await new Promise<WebSocket | null>((found) => {
      try {
        const made = new WebSocket(place, "obswebsocket.json");
        made.onopen = () => found(made);
        made.onerror = made.onclose = () => found(null);
      } catch {
        found(null);
      }
    });
    if (socket) return socket as Socket;
  }
  throw new ObsError("no_obs");
}
