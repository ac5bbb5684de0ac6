import { expect, it } from "vitest";
import { authentication, ObsError, setUp, type Socket } from "./obs";

// The example of the protocol's documentation.
const PASSWORD = "supersecretpassword";
const SALT = "lM1GncleQOaCu9lT1yeUZhFYnqhsLLP1G5lAGo3ixaI=";
const CHALLENGE = "+IxH4CnCiqpX1rM9scsNynZzbOe4KhDeYcTNS3PDaeY=";
const ANSWER = "1Ct943GAT+6YQUUX47Ia/ncufilbe6+oD6lY+5kaCu4=";

it("the answer to a challenge is the one that the protocol gives as an example", async () => {
  expect(await authentication(PASSWORD, SALT, CHALLENGE)).toBe(ANSWER);
});

interface Obs {
  locked?: boolean;
  streaming?: boolean;
  garbage?: boolean;
}

/** A made-up OBS; gives the socket to it, and what it was asked. */
function obs({ locked = true, streaming = false, garbage = false }: Obs = {}): { socket: Socket; heard: Record<string, unknown>[] } {
  const heard: Record<string, unknown>[] = [];
  const tell = (message: unknown): void => void setTimeout(() => socket.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) }));
  const socket: Socket = {
    onmessage: null,
    onclose: null,
    close: () => heard.push({ closed: true }),
    send: (text) => {
      const { op, d } = JSON.parse(text) as { op: number; d: Record<string, unknown> };
      heard.push(d);
      if (op === 1) {
        if (locked && d["authentication"] !== ANSWER) setTimeout(() => socket.onclose?.({ code: 4009 }));
        else tell({ op: 2, d: { negotiatedRpcVersion: 1 } });
        tell({ op: 5, d: { eventType: "something else" } });
      }
      if (op === 6) {
        const busy = streaming && d["requestType"] === "SetStreamServiceSettings";
        tell({ op: 7, d: { requestId: d["requestId"], requestStatus: busy ? { result: false, code: 500, comment: "running" } : { result: true, code: 100 } } });
      }
    },
  };
  tell(garbage ? "<html>" : { op: 0, d: { obsWebSocketVersion: "5.5.2", rpcVersion: 1, ...(locked ? { authentication: { challenge: CHALLENGE, salt: SALT } } : {}) } });
  return { socket, heard };
}

const TARGET = { server: "rtmp://h/live", key: "x?secret=s", password: PASSWORD, start: true };
const trouble = async (made: { socket: Socket }, target = TARGET): Promise<string> => setUp(made.socket, target).then(() => "", (error: ObsError) => error.trouble);

it("OBS gets server and key, begins, and is let go", async () => {
  const made = obs();
  await setUp(made.socket, TARGET);
  expect(made.heard.map((d) => d["requestType"] ?? (d["closed"] ? "closed" : "identify"))).toEqual(["identify", "SetStreamServiceSettings", "StartStream", "closed"]);
  expect(made.heard[1]?.["requestData"]).toEqual({ streamServiceType: "rtmp_custom", streamServiceSettings: { server: "rtmp://h/live", key: "x?secret=s", use_auth: false } });
  expect(JSON.stringify(made.heard)).not.toContain(PASSWORD);
});

it("without a password where none is asked for, and without beginning", async () => {
  const made = obs({ locked: false });
  expect(await trouble(made, { ...TARGET, password: "", start: false })).toBe("");
  expect(made.heard.length).toBe(3);
});

it("what goes wrong has a name", async () => {
  expect(await trouble(obs(), { ...TARGET, password: "wrong" })).toBe("wrong_password");
  expect(await trouble(obs(), { ...TARGET, password: "" })).toBe("no_password");
  expect(await trouble(obs({ streaming: true }))).toBe("busy");
  expect(await trouble(obs({ garbage: true }))).toBe("not_obs");
});
