/** A forgotten password: the request for a link, and the page that the link leads to. */
import { useState } from "preact/hooks";
import { forgotPassword, resetPassword } from "../../api/identity.ts";
import { sessionNotice } from "../../api/session.ts";
import { boardHref, forgotHref, replaceRoute } from "../../route.ts";
import { Field, Form, NewPassword, passwordOf, textOf } from "../../ui/form.tsx";
import { BackToLogin, EntryFrame } from "./entry-frame.tsx";

export function ForgotPage() {
  const [asked, setAsked] = useState<string | null>(null);
  const work = async (values: FormData) => {
    const email = textOf(values, "email");
    await forgotPassword(email);
    setAsked(email);
  };
  if (asked !== null) {
    return (
      <EntryFrame
        title="Look into your mailbox"
        lead={
          <>
            If <b>{asked}</b> has an account here, a link to choose a new password is on its way. Nothing there after a
            few minutes? Look into the folder for spam, or try another address.
          </>
        }
      >
        <div class="login-links">
          <button type="button" class="button button-quiet" onClick={() => setAsked(null)}>
            Try another address
          </button>
          <BackToLogin />
        </div>
      </EntryFrame>
    );
  }
  return (
    <EntryFrame title="Forgot your password?" lead="We send you a link with which you choose a new one.">
      <Form submit="Send the link" busy="Sending…" work={work} testid="forgot-submit">
        <Field label="E-mail" type="email" name="email" autocomplete="username" required data-testid="field-email" />
      </Form>
      <BackToLogin />
    </EntryFrame>
  );
}

export function ResetPage({ token }: { token: string }) {
  const work = async (values: FormData) => {
    await resetPassword(token, passwordOf(values, "password"));
    sessionNotice.value = "Your password is changed. Log in with the new one.";
    replaceRoute(boardHref);
  };
  return (
    <EntryFrame title="Choose a new password" lead="Every device that is logged in now has to log in again.">
      <Form submit="Change the password" busy="Changing…" work={work} testid="reset-submit">
        <NewPassword label="New password" name="password" />
      </Form>
      <a class="login-link" href={forgotHref}>
        Send me another link
      </a>
    </EntryFrame>
  );
}
