import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { api, loginEnded, ok } from "../api/client";
import { queries } from "../api/query";
import { t } from "../i18n";
import { Dialog, Field, Form } from "./parts";

/** Over a page whose login has ended: signs in again, so that what was typed there is still there. */
export function SignInAgain(): JSX.Element | null {
  const words = t().signIn;
  const [password, setPassword] = useState("");
  if (!loginEnded.value) return null;
  return (
    <Dialog title={words.ended} close={() => (loginEnded.value = false)}>
      <Form
        send={words.send}
        act={async () => {
          const me = await ok(api.POST("/v1/login", { body: { password } }));
          queries.setQueryData(["me"], me);
          setPassword("");
          loginEnded.value = false;
          await queries.invalidateQueries();
        }}
      >
        <p>{words.endedWords}</p>
        <Field label={words.password} type="password" autocomplete="current-password" value={password} change={setPassword} required />
      </Form>
    </Dialog>
  );
}
