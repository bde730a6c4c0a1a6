/** Where the mail of an invitation leads: a new account, or the password of the one that is there. */
import { getInvitation, type InvitationOffer } from "../../api/identity.ts";
import { acceptInvitation, sessionNotice } from "../../api/session.ts";
import { useResource } from "../../live/resource.ts";
import { boardHref, replaceRoute } from "../../route.ts";
import { Field, Form, NewPassword, PasswordField, passwordOf, textOf } from "../../ui/form.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { roleName } from "../roles.ts";
import { BackToLogin, EntryFrame } from "./entry-frame.tsx";

export function InvitationPage({ token }: { token: string }) {
  const { data, problem, reload } = useResource(token, () => getInvitation(token));
  if (data) return <Offer token={token} offer={data} />;
  return (
    <EntryFrame title="Your invitation" lead={problem ? "It cannot be accepted." : "Looking it up…"}>
      {problem && (
        <div class="form">
          <ProblemNotice problem={problem} {...(problem.status === 404 ? {} : { retry: reload })} />
          <p class="login-lead">Ask whoever invited you to send the invitation again: only the newest link works.</p>
          <BackToLogin />
        </div>
      )}
    </EntryFrame>
  );
}

function Offer({ token, offer }: { token: string; offer: InvitationOffer }) {
  const work = async (values: FormData) => {
    const name = textOf(values, "name");
    const given = { password: passwordOf(values, "password"), ...(name ? { name } : {}) };
    if (!(await acceptInvitation(token, given)))
      sessionNotice.value = `You are in ${offer.store.name} now. Log in to see it.`;
    replaceRoute(boardHref);
  };
  return (
    <EntryFrame
      title={`Join ${offer.store.name}`}
      lead={
        <>
          <b>{offer.email}</b> is invited as {roleName(offer.role)}.{" "}
          {offer.hasAccount ? "Confirm with the password of your account." : "Choose a password to open your account."}
        </>
      }
    >
      <Form submit="Accept the invitation" busy="Joining…" work={work} testid="accept-submit">
        {/* Password managers file the password under the address. */}
        <input type="hidden" name="username" autocomplete="username" value={offer.email} />
        {offer.hasAccount ? (
          <PasswordField
            label="Password"
            name="password"
            autocomplete="current-password"
            data-testid="field-password"
          />
        ) : (
          <>
            <Field label="Your name" name="name" autocomplete="name" maxLength={200} data-testid="field-name" />
            <NewPassword label="Password" name="password" />
          </>
        )}
      </Form>
    </EntryFrame>
  );
}
