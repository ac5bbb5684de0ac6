import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Node } from "../api/asked";
import { api, ok } from "../api/client";
import { renew } from "../api/query";
import { rate, size } from "../format";
import { t } from "../i18n";
import { AsCurl } from "../ui/curl";
import { Button, Check, Dialog, Field, Form, State, Time, type Tone } from "../ui/parts";
import { say } from "../ui/toasts";

const TONES: Record<Node["state"], Tone> = { online: "green", lost: "red", "never seen": "grey", revoked: "grey" };
type Seen = Record<string, unknown>;

const at = (node: Node): { params: { path: { node: string } } } => ({ params: { path: { node: node.id } } });
const number = (value: unknown): number | null => (typeof value === "number" ? value : null);
const sized = (value: unknown): string => (typeof value === "number" ? size(value) : "–");
const bits = (bytes: unknown): string => rate(typeof bytes === "number" ? (bytes * 8) / 1000 : null);

/** Has an edge take no new streams, or take them again. */
export const drain = (node: Node, on: boolean): Promise<unknown> => ok(on ? api.POST("/v1/nodes/{node}/drain", at(node)) : api.POST("/v1/nodes/{node}/resume", at(node)));

function Rename({ node, close }: { node: Node; close: () => void }): JSX.Element {
  const words = t().health.edges;
  const [name, setName] = useState(node.name);
  const send = (): Promise<unknown> => ok(api.PATCH("/v1/nodes/{node}", { ...at(node), body: { name } }));
  return (
    <Dialog title={words.rename} close={close}>
      <Form
        send={t().common.save}
        cancel={close}
        act={async () => {
          await send();
          renew("nodes");
          say(words.renamed, "good");
          close();
        }}
      >
        <Field label={words.newName} value={name} change={setName} required />
        <AsCurl act={send} />
      </Form>
    </Dialog>
  );
}

/** Confirmed by its name; what is live has to be let go, or ended knowingly. */
function Remove({ node, only, close }: { node: Node; only: boolean; close: () => void }): JSX.Element {
  const words = t().health.edges;
  const [typed, setTyped] = useState("");
  const [force, setForce] = useState(false);
  const name = node.name || node.id;
  const send = (): Promise<unknown> => ok(api.DELETE("/v1/nodes/{node}", { params: { path: { node: node.id }, query: force ? { force: true } : {} } }));
  return (
    <Dialog title={words.removeTitle(name)} close={close}>
      <Form
        send={words.remove}
        cancel={close}
        danger
        disabled={typed !== name}
        act={async () => {
          await send();
          renew("nodes");
          say(words.removedOne(name), "good");
          close();
        }}
      >
        <p>{words.removeWords}</p>
        {only && <p class="why">{words.removeOnly}</p>}
        {node.sessions > 0 && <p class="why">{words.removeLive(node.sessions)}</p>}
        <Check label={words.force} value={force} change={setForce} />
        <Field label={words.typeName(name)} value={typed} change={setTyped} />
        <AsCurl act={send} />
      </Form>
    </Dialog>
  );
}

function Machine({ node, seen }: { node: Node; seen: Seen }): JSX.Element {
  const words = t().health.edges;
  const machine = (seen["machine"] ?? {}) as Seen;
  const busy = number(machine["cpu_percent"]);
  return (
    <>
      <dt>{words.cpu}</dt>
      <dd>{busy === null ? "–" : `${busy.toFixed(0)} % (${String(machine["cpus"] ?? "–")})`}</dd>
      <dt>{words.memory}</dt>
      <dd>{machine["memory_total_bytes"] ? words.freeOf(sized(machine["memory_available_bytes"]), sized(machine["memory_total_bytes"])) : "–"}</dd>
      <dt>{words.diskUse}</dt>
      <dd>{machine["disk_total_bytes"] ? words.freeOf(sized(seen["disk_free_bytes"]), sized(machine["disk_total_bytes"])) : sized(seen["disk_free_bytes"])}</dd>
      <dt>{words.network}</dt>
      <dd>{number(machine["received_bytes_s"]) === null ? "–" : `${words.received(bits(machine["received_bytes_s"]))}, ${words.sent(bits(machine["sent_bytes_s"]))}`}</dd>
      <dt>{words.skew}</dt>
      <dd>{node.clock_skew_s === null ? "–" : words.ahead(node.clock_skew_s)}</dd>
    </>
  );
}

export function EdgeCard({ node, only }: { node: Node; only: boolean }): JSX.Element {
  const words = t().edges;
  const more = t().health.edges;
  const [asking, setAsking] = useState<"rename" | "remove" | null>(null);
  const seen: Seen = node.observed ?? {};
  const pending = Number(seen["pending_segments"] ?? 0) + Number(seen["pending_events"] ?? 0);
  return (
    <article class="card pad">
      <h2>{node.name || node.id}</h2>
      <p class="states">
        <State tone={TONES[node.state]}>{words.states[node.state]}</State>
        {node.draining && <State tone="amber">{more.draining}</State>}
        {node.observed && (
          <State tone={seen["media_server_up"] ? "green" : "red"}>
            {seen["media_server_up"] ? words.mediaUp : words.mediaDown} ({String(seen["media_server"] ?? "–")} {String(seen["media_server_version"] ?? "")})
          </State>
        )}
      </p>
      <dl class="facts">
        <dt>{words.lastSeen}</dt>
        <dd>
          <Time at={node.last_seen} />
        </dd>
        <dt>{words.live}</dt>
        <dd>{node.observed ? node.sessions : "–"}</dd>
        <dt>{words.pending}</dt>
        <dd>{node.observed ? pending : "–"}</dd>
        <Machine node={node} seen={seen} />
        <dt>FFmpeg</dt>
        <dd>{String(seen["ffmpeg_version"] ?? "–")}</dd>
        <dt>{words.agent}</dt>
        <dd>{node.agent_version || "–"}</dd>
      </dl>
      <div class="actions">
        <Button
          kind="quiet"
          press={async () => {
            await drain(node, !node.draining);
            renew("nodes");
            say(node.draining ? more.resumed(node.name || node.id) : more.drained(node.name || node.id), "good");
          }}
        >
          {node.draining ? more.resume : more.drain}
        </Button>
        <Button kind="quiet" press={() => setAsking("rename")}>
          {more.rename}
        </Button>
        <Button kind="danger" press={() => setAsking("remove")}>
          {more.remove}
        </Button>
      </div>
      <AsCurl act={() => drain(node, !node.draining)} />
      {asking === "rename" && <Rename node={node} close={() => setAsking(null)} />}
      {asking === "remove" && <Remove node={node} only={only} close={() => setAsking(null)} />}
    </article>
  );
}
