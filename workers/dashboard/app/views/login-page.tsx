/** E-mail and password, then a second factor when the account asks for one. */
import { useRef, useState } from "preact/hooks";
import type { Problem } from "../api/http.ts";
import { login, sessionNotice, verifyMfa } from "../api/session.ts";
import { asProblem } from "../live/store.ts";
import { WakeMark } from "../ui/icons.tsx";
import { ProblemNotice } from "../ui/notice.tsx";

export function LoginPage() {
  const [mfaToken, setMfaToken] = useState<string | null>(null);
  return (
    <main class="login">
      <div class="login-sea" aria-hidden="true">
        <svg viewBox="0 0 1200 300" preserveAspectRatio="none" aria-hidden="true">
          <path d="M0 120C150 40 250 40 400 110s280 90 430 20 240-70 370-10v180H0Z" />
          <path d="M0 170c140-60 260-50 400 10s270 60 410 0 250-60 390 0v120H0Z" />
          <path d="M0 225c160-50 270-30 410 10s250 30 390-10 260-30 400 10v65H0Z" />
        </svg>
      </div>
      <section class="login-card">
        <p class="login-brand">
          <WakeMark size={34} /> Cartwake
        </p>
        <h1>{mfaToken ? "One more step" : "Log in"}</h1>
        <p class="login-lead">
          {mfaToken
            ? "Enter the six digits that your authenticator shows."
            : "Watch every cart live, and see what brings it back."}
        </p>
        {sessionNotice.value && <p class="login-notice">{sessionNotice.value}</p>}
        {mfaToken ? (
          <CodeForm mfaToken={mfaToken} back={() => setMfaToken(null)} />
        ) : (
          <PasswordForm onMfa={setMfaToken} />
        )}
      </section>
    </main>
  );
}

function PasswordForm({ onMfa }: { onMfa: (token: string) => void }) {
  const email = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  const { busy, problem, submit } = useSubmit(async () => {
    const token = await login(email.current?.value.trim() ?? "", password.current?.value ?? "");
    if (token) onMfa(token);
  });
  return (
    <form class="login-form" onSubmit={submit}>
      {problem && <ProblemNotice problem={problem} />}
      <label class="field">
        <span>E-mail</span>
        <input ref={email} type="email" name="email" autocomplete="username" required data-testid="login-email" />
      </label>
      <label class="field">
        <span>Password</span>
        <input
          ref={password}
          type="password"
          name="password"
          autocomplete="current-password"
          required
          data-testid="login-password"
        />
      </label>
      <button type="submit" class="button button-primary" disabled={busy} data-testid="login-submit">
        {busy ? "Logging in…" : "Log in"}
      </button>
    </form>
  );
}

function CodeForm({ mfaToken, back }: { mfaToken: string; back: () => void }) {
  const code = useRef<HTMLInputElement>(null);
  const { busy, problem, submit } = useSubmit(() => verifyMfa(mfaToken, code.current?.value.replace(/\s/g, "") ?? ""));
  return (
    <form class="login-form" onSubmit={submit}>
      {problem && <ProblemNotice problem={problem} />}
      <label class="field">
        <span>Code</span>
        <input
          ref={code}
          name="code"
          inputMode="numeric"
          autocomplete="one-time-code"
          required
          data-testid="login-code"
        />
      </label>
      <button type="submit" class="button button-primary" disabled={busy}>
        {busy ? "Checking…" : "Continue"}
      </button>
      <button type="button" class="button button-quiet" onClick={back}>
        Use another account
      </button>
    </form>
  );
}

function useSubmit(work: () => Promise<void>) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setProblem(null);
    try {
      await work();
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, submit };
}
