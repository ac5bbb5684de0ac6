import type { JSX } from "preact";
import { useLocation } from "preact-iso";
import { useEffect, useState } from "preact/hooks";
import { api, ok } from "../api/client";
import { queries } from "../api/query";
import { base, icon, to } from "../root";
import { t } from "../i18n";
import { Field, Form } from "../ui/parts";
import { Refused } from "../ui/problems";

const SHORTEST_PASSWORD = 8;

/** Signs in by password, or by the link of the first start: its token is behind a `#`, which no server and no log sees. */
export function SignIn(): JSX.Element {
  const { route, query } = useLocation();
  const [token] = useState(() => location.hash.slice(1));
  const [password, setPassword] = useState("");
  const words = t().signIn;
  useEffect(() => {
    document.title = `${words.title} · Sluice`;
  }, [words.title]);
  const act = async (): Promise<void> => {
    if (token) {
      if (password && password.length < SHORTEST_PASSWORD) throw new Refused(words.tooShort(SHORTEST_PASSWORD));
      queries.setQueryData(["me"], await ok(api.POST("/v1/sign-in", { body: password ? { token, password } : { token } })));
      history.replaceState(null, "", location.pathname); // of no use any more, and nobody's business
    } else {
      queries.setQueryData(["me"], await ok(api.POST("/v1/login", { body: { password } })));
    }
    const then = query["then"] ?? "";
    route(then.startsWith(`${base}/`) ? then : to("live"), true);
  };
  return (
    <main class="sign-in">
      <img src={icon} alt="" width="40" height="40" />
      <h1>{words.title}</h1>
      <Form send={words.send} act={act}>
        <p>{token ? words.byLink : words.byPassword}</p>
        <Field
          label={token ? words.newPassword : words.password}
          type="password"
          autocomplete={token ? "new-password" : "current-password"}
          value={password}
          change={setPassword}
          hint={token ? words.newPasswordHint(SHORTEST_PASSWORD) : words.forgotten}
        />
      </Form>
    </main>
  );
}
