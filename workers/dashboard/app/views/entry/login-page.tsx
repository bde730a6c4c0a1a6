/** E-mail and password, then a second factor when the account asks for one. */
import { useState } from "preact/hooks";
import { login, sessionNotice } from "../../api/session.ts";
import { forgotHref } from "../../route.ts";
import { Field, Form, PasswordField, passwordOf, textOf } from "../../ui/form.tsx";
import { CodeStep } from "./code-step.tsx";
import { EntryFrame } from "./entry-frame.tsx";

export function LoginPage() {
  const [mfaToken, setMfaToken] = useState<string | null>(null);
  if (mfaToken) return <CodeStep mfaToken={mfaToken} back={() => setMfaToken(null)} />;
  const work = async (values: FormData) =>
    setMfaToken(await login(textOf(values, "email"), passwordOf(values, "password")));
  return (
    <EntryFrame title="Log in" lead="Watch every cart live, and see what brings it back.">
      {sessionNotice.value && (
        <p class="login-notice" role="status">
          {sessionNotice.value}
        </p>
      )}
      <Form submit="Log in" busy="Logging in…" work={work} testid="login-submit">
        <Field label="E-mail" type="email" name="email" autocomplete="username" required data-testid="login-email" />
        <PasswordField label="Password" name="password" autocomplete="current-password" data-testid="login-password" />
      </Form>
      <a class="login-link" href={forgotHref}>
        Forgot your password?
      </a>
    </EntryFrame>
  );
}
