/** The second factor: the code of the moment, or one of the recovery codes. */
import { useState } from "preact/hooks";
import { verifyMfa } from "../../api/session.ts";
import { CodeField, codeOf, Form, RecoveryCodeField } from "../../ui/form.tsx";
import { EntryFrame } from "./entry-frame.tsx";

export function CodeStep({ mfaToken, back }: { mfaToken: string; back: () => void }) {
  const [lost, setLost] = useState(false);
  const work = (values: FormData) => verifyMfa(mfaToken, codeOf(values));
  return (
    <EntryFrame
      title={lost ? "Use a recovery code" : "One more step"}
      lead={
        lost
          ? "Enter one of the codes that you kept when you set up the second factor. Each works once."
          : "Enter the six digits that your authenticator shows now."
      }
    >
      <Form key={String(lost)} submit="Continue" busy="Checking…" work={work} testid="code-submit">
        {lost ? <RecoveryCodeField label="Recovery code" /> : <CodeField />}
      </Form>
      <div class="login-links">
        <button type="button" class="button button-quiet" onClick={() => setLost(!lost)} data-testid="code-other">
          {lost ? "Use the authenticator" : "Use a recovery code"}
        </button>
        <button type="button" class="button button-quiet" onClick={back}>
          Use another account
        </button>
      </div>
    </EntryFrame>
  );
}
