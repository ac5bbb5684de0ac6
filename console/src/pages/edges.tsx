import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { PageProps } from "../app";
import { useNodes, type Node } from "../api/asked";
import { api, ok, type Schemas } from "../api/client";
import { size } from "../format";
import { t } from "../i18n";
import { root } from "../root";
import { Button, Copyable, Dialog, Field, Form, Page, State, Time, Waiting, type Tone } from "../ui/parts";

const TONES: Record<Node["state"], Tone> = { online: "green", lost: "red", "never seen": "grey", revoked: "grey" };

function Card({ node }: { node: Node }): JSX.Element {
  const words = t().edges;
  const seen = node.observed ?? {};
  const free = seen["disk_free_bytes"];
  const pending = Number(seen["pending_segments"] ?? 0) + Number(seen["pending_events"] ?? 0);
  return (
    <article class="card pad">
      <h2>{node.name || node.id}</h2>
      <p class="states">
        <State tone={TONES[node.state]}>{words.states[node.state]}</State>
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
        <dd>{node.sessions}</dd>
        <dt>{words.pending}</dt>
        <dd>{pending}</dd>
        <dt>{words.disk}</dt>
        <dd>{typeof free === "number" ? size(free) : "–"}</dd>
        <dt>FFmpeg</dt>
        <dd>{String(seen["ffmpeg_version"] ?? "–")}</dd>
        <dt>{words.agent}</dt>
        <dd>{node.agent_version || "–"}</dd>
      </dl>
    </article>
  );
}

export function Edges(_: PageProps): JSX.Element {
  const words = t().edges;
  const nodes = useNodes();
  const [joining, setJoining] = useState(false);
  const [name, setName] = useState("");
  const [token, setToken] = useState<Schemas["JoinToken"] | null>(null);
  return (
    <Page
      title={words.title}
      action={
        <Button kind="primary" press={() => setJoining(true)}>
          {words.add}
        </Button>
      }
    >
      {!nodes.data && <Waiting error={nodes.error} again={nodes.again} />}
      <div class="tiles">{nodes.data?.items.map((node) => <Card key={node.id} node={node} />)}</div>
      {joining && (
        <Dialog
          title={words.add}
          close={() => {
            setJoining(false);
            setToken(null);
          }}
        >
          {token ? (
            <div class="body">
              <p>{words.joinWords}</p>
              <Copyable label="SLUICE_CLOUD_URL" text={root.href.replace(/\/$/, "")} />
              <Copyable label="SLUICE_JOIN_TOKEN" text={token.token} secret={token.token} />
              <p class="muted">
                {words.until} <Time at={token.expires_at} />
              </p>
            </div>
          ) : (
            <Form send={words.makeToken} act={async () => setToken(await ok(api.POST("/v1/join-tokens", { body: { name } })))}>
              <Field label={words.name} value={name} change={setName} />
            </Form>
          )}
        </Dialog>
      )}
    </Page>
  );
}
