import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { PageProps } from "../app";
import { api, ok, type Schemas } from "../api/client";
import { renew, useAsked } from "../api/query";
import { t } from "../i18n";
import { root } from "../root";
import { Button, Confirm, Copyable, Dialog, Empty, Field, Form, Page, Time, Waiting } from "../ui/parts";

/** Tokens of programs, and where the API is described. */
export function ApiPage(_: PageProps): JSX.Element {
  const words = t().api;
  const tokens = useAsked(["tokens"], (signal) => ok(api.GET("/v1/tokens", { params: { query: { limit: 100 } }, signal })), { every: 10_000 });
  const [adding, setAdding] = useState(false);
  const [name, setName] = useState("");
  const [scope, setScope] = useState("read");
  const [fresh, setFresh] = useState<Schemas["FreshToken"] | null>(null);
  const [ending, setEnding] = useState<Schemas["TokenShown"] | null>(null);
  const docs = new URL("v1/docs", root).href;
  const here = new URL("v1", root).href;
  const add = (
    <Button kind="primary" press={() => setAdding(true)}>
      {words.add}
    </Button>
  );
  return (
    <Page title={words.title} action={add}>
      <section class="card pad">
        <h2>{words.reference}</h2>
        <p>
          <a href={docs} target="_blank" rel="noopener noreferrer">
            {words.described}
          </a>
        </p>
        <Copyable label="curl" text={`curl -H "Authorization: Bearer $TOKEN" ${here}/streams`} />
      </section>
      <h2>{words.tokens}</h2>
      {!tokens.data && <Waiting error={tokens.error} again={tokens.again} />}
      {tokens.data?.items.length === 0 && <Empty words={words.none} action={add} />}
      {(tokens.data?.items.length ?? 0) > 0 && (
        <ul class="rows card pad">
          {tokens.data?.items.map((token) => (
            <li key={token.id}>
              <span>
                <strong>{token.name}</strong> · <code>{token.scope}</code> · {words.used} <Time at={token.last_used} />
              </span>
              <Button kind="danger" press={() => setEnding(token)}>
                {words.revoke}
              </Button>
            </li>
          ))}
        </ul>
      )}
      {adding && (
        <Dialog
          title={words.add}
          close={() => {
            setAdding(false);
            setFresh(null);
          }}
        >
          {fresh ? (
            <div class="body">
              <p>{words.once}</p>
              <Copyable label={fresh.name} text={fresh.token} secret={fresh.token} />
            </div>
          ) : (
            <Form
              send={words.add}
              act={async () => {
                setFresh(await ok(api.POST("/v1/tokens", { body: { name, scope } })));
                renew("tokens");
              }}
            >
              <Field label={words.name} value={name} change={setName} hint={words.nameHint} />
              <Field label={words.scope} value={scope} change={setScope} options={(["read", "operate", "admin"] as const).map((value) => ({ value, label: words.scopes[value] }))} />
            </Form>
          )}
        </Dialog>
      )}
      {ending && (
        <Confirm
          title={words.revokeTitle(ending.name)}
          words={<p>{words.revokeWords}</p>}
          yes={words.revoke}
          close={() => setEnding(null)}
          act={async () => {
            await ok(api.DELETE("/v1/tokens/{token}", { params: { path: { token: ending.id } } }));
            renew("tokens");
          }}
        />
      )}
    </Page>
  );
}
