/** Invitations that wait for an answer, and the form for another one. */
import { useState } from "preact/hooks";
import type { Role } from "../../../../../shared/auth/roles.ts";
import { type Invitation, invite, listInvitations, resendInvitation, revokeInvitation } from "../../api/identity.ts";
import { useAction } from "../../live/action.ts";
import { useResource } from "../../live/resource.ts";
import { Confirm } from "../../ui/dialog.tsx";
import { Field, Form, SelectField, textOf } from "../../ui/form.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { Ago, Countdown } from "../../ui/times.tsx";
import { roleDoes, roleName, roleOptions } from "../roles.ts";
import { mayGive } from "./members-section.tsx";
import { Listed, Saved } from "./parts.tsx";

export function InvitationsPanel({ storeId }: { storeId: string }) {
  const invitations = useResource(`invitations ${storeId}`, () => listInvitations(storeId));
  return (
    <>
      <section class="panel">
        <h2>Invite somebody</h2>
        <InviteForm storeId={storeId} invited={invitations.reload} />
      </section>
      <section class="panel">
        <h2>Waiting for an answer</h2>
        <Listed resource={invitations} empty="No invitation is open.">
          {(items) => (
            <ul class="lines">
              {items.map((item) => (
                <InvitationRow key={item.id} item={item} storeId={storeId} changed={invitations.reload} />
              ))}
            </ul>
          )}
        </Listed>
      </section>
    </>
  );
}

function InviteForm({ storeId, invited }: { storeId: string; invited: () => void }) {
  const [role, setRole] = useState<Role>("api_user");
  const [sent, setSent] = useState<string | null>(null);
  const work = async (values: FormData, form: HTMLFormElement) => {
    const email = textOf(values, "email");
    setSent(null);
    await invite(storeId, email, textOf(values, "role") as Role);
    form.reset();
    setRole("api_user");
    setSent(email);
    invited();
  };
  return (
    <Form
      submit="Send the invitation"
      busy="Sending…"
      work={work}
      testid="invite-submit"
      aside={sent && <Saved text={`Sent to ${sent}`} />}
    >
      <div class="field-pair">
        <Field
          label="E-mail"
          type="email"
          name="email"
          autocomplete="off"
          maxLength={254}
          required
          data-testid="field-email"
        />
        <SelectField
          label="Role"
          name="role"
          value={role}
          options={roleOptions(mayGive)}
          onChange={(value) => setRole(value as Role)}
          hint={`${roleName(role)} ${roleDoes(role)}.`}
        />
      </div>
    </Form>
  );
}

function InvitationRow({ item, storeId, changed }: { item: Invitation; storeId: string; changed: () => void }) {
  const [asking, setAsking] = useState(false);
  const [sent, setSent] = useState(false);
  const { busy, problem, run } = useAction(async () => {
    await resendInvitation(storeId, item.id);
    setSent(true);
    changed();
  });
  return (
    <li class="line" data-testid="invitation-row" data-email={item.email}>
      <div class="line-main">
        <p class="line-title">{item.email}</p>
        <p class="line-detail">
          {roleName(item.role)} · sent <Ago at={item.createdAt} /> · open for <Countdown at={item.expiresAt} />
        </p>
        {problem && <ProblemNotice problem={problem} />}
      </div>
      <div class="line-actions">
        {sent && <Saved text="Sent again" />}
        <button
          type="button"
          class="button"
          aria-disabled={busy}
          onClick={() => void run()}
          data-testid="invitation-resend"
        >
          Send again<span class="visually-hidden"> to {item.email}</span>
        </button>
        <button type="button" class="button" onClick={() => setAsking(true)} data-testid="invitation-revoke">
          Revoke<span class="visually-hidden"> the invitation of {item.email}</span>
        </button>
      </div>
      {asking && (
        <Confirm
          title={`Revoke the invitation of ${item.email}?`}
          confirm="Revoke"
          busy="Revoking…"
          tone="danger"
          onConfirm={async () => {
            await revokeInvitation(storeId, item.id);
            changed();
          }}
          onClose={() => setAsking(false)}
        >
          <p>The link in the mail stops working at once.</p>
        </Confirm>
      )}
    </li>
  );
}
