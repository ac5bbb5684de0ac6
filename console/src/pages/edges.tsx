import type { JSX } from "preact";
import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";
import type { PageProps } from "../app";
import type { Node } from "../api/asked";
import { api, ok, type Schemas } from "../api/client";
import { pages } from "../api/pages";
import { renew, useAsked } from "../api/query";
import { t } from "../i18n";
import { root } from "../root";
import { queried, useQuery } from "../ui/address";
import { AsCurl } from "../ui/curl";
import { Button, Copyable, Dialog, Empty, Field, Form, Page, Time, Waiting } from "../ui/parts";
import { EdgeCard } from "./edges-card";

const MOST = 100;
const STATES = ["online", "lost", "never seen", "draining"] as const;

function Join({ close }: { close: () => void }): JSX.Element {
  const words = t().edges;
  const [name, setName] = useState("");
  const [token, setToken] = useState<Schemas["JoinToken"] | null>(null);
  const make = (): Promise<Schemas["JoinToken"]> => ok(api.POST("/v1/join-tokens", { body: { name } }));
  return (
    <Dialog title={words.add} close={close} wide>
      {!token ? (
        <Form send={words.makeToken} act={async () => setToken(await make())} cancel={close}>
          <Field label={words.name} value={name} change={setName} />
          <AsCurl act={make} />
        </Form>
      ) : (
        <div class="body">
          <p>{words.joinWords}</p>
          <Copyable label="SLUICE_CLOUD_URL" text={root.href} />
          <Copyable label="SLUICE_JOIN_TOKEN" text={token.token} secret={token.token} />
          <p class="muted">
            {words.until} <Time at={token.expires_at} />
          </p>
        </div>
      )}
    </Dialog>
  );
}

export function Edges(_: PageProps): JSX.Element {
  const words = t().edges;
  const more = t().health.edges;
  const { route } = useLocation();
  const query = useQuery();
  const wanted = { search: query["search"] ?? "", state: STATES.find((each) => each === query["state"]) ?? ("" as const) };
  const filtered = Boolean(wanted.search || wanted.state);
  const [count, setCount] = useState(1);
  const nodes = useAsked(
    ["nodes", ...(filtered || count > 1 ? [wanted, count] : [])],
    (signal) => pages(count, (cursor) => ok(api.GET("/v1/nodes", { params: { query: { limit: MOST, ...wanted, ...(cursor ? { cursor } : {}) } }, signal }))),
    { every: 5000 },
  );
  const [joining, setJoining] = useState(false);
  const items: Node[] = nodes.data?.items.filter((node) => node.state !== "revoked") ?? [];
  return (
    <Page
      title={words.title}
      filter={
        (items.length > 1 || filtered) && (
          <>
            <Field label={more.search} type="search" value={wanted.search} change={(search) => route(queried({ ...wanted, search }), true)} />
            <Field
              label={more.state}
              value={wanted.state}
              change={(state) => route(queried({ ...wanted, state }), true)}
              options={[{ value: "", label: more.any }, ...STATES.map((value) => ({ value, label: value === "draining" ? more.draining : words.states[value] }))]}
            />
          </>
        )
      }
      action={
        <Button kind="primary" press={() => setJoining(true)}>
          {words.add}
        </Button>
      }
    >
      {!nodes.data && <Waiting error={nodes.error} again={nodes.again} />}
      {nodes.data && items.length === 0 && <Empty words={t().health.edges.none} />}
      <div class="tiles">
        {items.map((node) => (
          <EdgeCard key={node.id} node={node} only={items.length === 1 && !filtered} />
        ))}
      </div>
      {nodes.data?.cursor && <Button press={() => setCount(count + 1)}>{t().common.more}</Button>}
      {joining && (
        <Join
          close={() => {
            setJoining(false);
            renew("nodes");
          }}
        />
      )}
    </Page>
  );
}
