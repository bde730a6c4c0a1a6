/** `/v1/stores/:id/invitations*` for who invites, `/auth/invitations/:token*` for who was invited. */
import * as z from "zod";
import { storeStub } from "../../../objects/stubs.ts";
import { newPassword, passwordProblem } from "../../../shared/auth/password-rules.ts";
import { checkPassword, hashPassword } from "../../../shared/auth/passwords.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { newId } from "../../../shared/ids.ts";
import { retryAfter } from "../../../shared/policy/limits.ts";
import { iso } from "../../../shared/time.ts";
import { pageOf, role, sessionView } from "../../../shared/views.ts";
import { admit, afterwards, noteFailure } from "../attempts.ts";
import { invalid, notFound } from "../context.ts";
import {
  type Invitation,
  invitationOf,
  invite,
  join,
  type Lines,
  MAX_A_DAY,
  MAX_MEMBERS,
  MAX_OPEN,
  type MailFrame,
  openInvitation,
  openInvitations,
  resend,
  resendableAt,
  revoke,
} from "../invitations.ts";
import { type Call, type MemberCall, member, open, type Route } from "../route.ts";
import { deviceOf, openSession, signedIn } from "../sessions.ts";
import { MAX_STORES } from "../stores.ts";
import { type Account, findUserByEmail } from "../users.ts";
import { check } from "../validate.ts";
import { email } from "./auth.ts";
import { allow } from "./members.ts";

const view = (row: Invitation) => ({
  id: row.id,
  email: row.email,
  role: row.role,
  invitedBy: row.invited_by,
  createdAt: iso(row.created_at),
  expiresAt: iso(row.expires_at),
});

async function listInvitations({ env, principal }: MemberCall): Promise<Response> {
  const rows = await openInvitations(env, principal.storeId, Date.now());
  return json({ items: rows.map(view), nextCursor: null });
}

const invitation = z.object({ email, role });

async function createInvitation(call: MemberCall<unknown, z.infer<typeof invitation>>): Promise<Response> {
  const { env, principal, body } = call;
  allow(call, body.role);
  const given = { ...body, store_id: principal.storeId, invited_by: principal.userId };
  const lines: Lines = (id) => call.audited({ action: "invitation.created", objectId: id, after: body });
  const made = await invite(env, given, await frameOf(call), Date.now(), lines);
  if (!made.ok)
    throw new AppError(
      "CONFLICT",
      made.reason === "member"
        ? "This address belongs to a member of the store already."
        : `A store has at most ${MAX_MEMBERS} members and ${MAX_OPEN} open invitations, and sends at most ${MAX_A_DAY} a day.`,
    );
  return json(view(made.value), 201);
}

/** What the mail says of the store, and of who invites: a secret key has no name. */
async function frameOf({ env, principal, url }: MemberCall): Promise<MailFrame> {
  const [settings, user] = await Promise.all([
    storeStub(env, principal.storeId).settings(),
    env.DB.prepare("SELECT name FROM users WHERE id = ?").bind(principal.userId).first<{ name: string | null }>(),
  ]);
  if (!settings.ok) throw notFound("store");
  const { name, baseUrl } = settings.value;
  return { base: baseUrl || url.origin, storeName: name, inviter: user?.name || principal.email };
}

async function resendInvitation(call: MemberCall): Promise<Response> {
  const { env, principal, params } = call;
  const now = Date.now();
  const row = await openInvitation(env, params.invitationId ?? "", now);
  if (row?.store_id !== principal.storeId) throw notFound("invitation");
  allow(call, row.role);
  const sent = await resend(env, row, await frameOf(call), now);
  if (!sent.ok)
    throw new AppError("TOO_MANY_REQUESTS", "It was sent a short while ago.").with({
      "retry-after": retryAfter(resendableAt(row) - now),
    });
  call.audit({ action: "invitation.resent", objectId: row.id });
  return json(view(sent.value));
}

async function revokeInvitation({ env, principal, params, audited }: MemberCall): Promise<Response> {
  const lines: Lines = (id) => audited({ action: "invitation.revoked", objectId: id });
  if (!(await revoke(env, principal.storeId, params.invitationId ?? "", Date.now(), lines)))
    throw notFound("invitation");
  return new Response(null, { status: 204 });
}

/** A forged link, one that was used, revoked or replaced, and one too old are all the same: there is nothing there. */
async function offerOf({ env, params }: Call): Promise<Invitation> {
  const row = await invitationOf(env, params.token ?? "", Date.now());
  if (!row) throw notFound("invitation");
  return row;
}

async function showOffer(call: Call): Promise<Response> {
  const row = await offerOf(call);
  const [settings, account] = await Promise.all([
    storeStub(call.env, row.store_id).settings(),
    findUserByEmail(call.env, row.email),
  ]);
  if (!settings.ok) throw notFound("invitation");
  const { email, role } = row;
  return json({ store: { name: settings.value.name }, email, role, hasAccount: account !== null });
}

const acceptance = z.object({ password: z.string().min(1).max(256), name: z.string().max(200).optional() });
type Acceptance = z.infer<typeof acceptance>;

async function acceptOffer(call: Call<unknown, Acceptance>): Promise<Response> {
  const { env } = call;
  const row = await offerOf(call);
  const known = await findUserByEmail(env, row.email);
  const user = known ? await joinAs(call, row, known) : await joinAsNew(call, row);
  if (user.mfa) return json({ accepted: true });
  const { passwordHash } = user;
  return signedIn(call, passwordHash, await openSession(env, user.id, row.store_id, deviceOf(call), { passwordHash }));
}

interface Joined {
  id: string;
  mfa: boolean;
  passwordHash: string;
}

const accepted = (call: Call, { store_id: storeId, email, role }: Invitation, userId: string): Lines => {
  const actor = { storeId, userId, email };
  return (id) => call.audited({ action: "invitation.accepted", objectId: id, after: { role }, actor });
};

/** Who has an account proves that it is theirs; wrong guesses count like those at the door. */
async function joinAs(call: Call<unknown, Acceptance>, row: Invitation, user: Account): Promise<Joined> {
  const correct = await checkPassword(call.body.password, user.password_hash);
  const admitted = await admit(call.env, user, correct, await call.isKnown(user.id));
  if (!admitted) {
    if (!correct) afterwards(call, noteFailure(call, user, "password"));
    throw new AppError("UNAUTHORIZED", "The password of your account is wrong.");
  }
  joined(await join(call.env, row, user.id, Date.now(), null, accepted(call, row, user.id)));
  return { id: user.id, mfa: admitted.mfa, passwordHash: user.password_hash };
}

async function joinAsNew(call: Call<unknown, Acceptance>, row: Invitation): Promise<Joined> {
  const chosen = check(z.object({ password: newPassword }), call.body, "body").password;
  const problem = passwordProblem(chosen, row.email);
  if (problem) throw invalid("password", problem);
  const account = { name: call.body.name ?? null, passwordHash: await hashPassword(chosen) };
  const id = newId("us");
  try {
    joined(await join(call.env, row, id, Date.now(), account, accepted(call, row, id)));
  } catch (error) {
    if (!/UNIQUE/i.test(String(error))) throw error;
    // The address got an account while this password was hashed.
    const user = await findUserByEmail(call.env, row.email);
    if (!user) throw error;
    return joinAs(call, row, user);
  }
  return { id, mfa: false, passwordHash: account.passwordHash };
}

function joined(result: Awaited<ReturnType<typeof join>>): void {
  if (result.ok) return;
  if (result.reason === "ended") throw notFound("invitation");
  throw new AppError(
    "CONFLICT",
    `A store has at most ${MAX_MEMBERS} members, and an account belongs to at most ${MAX_STORES} stores.`,
  );
}

const invitationView = z
  .object({
    id: z.string(),
    email: z.string(),
    role,
    invitedBy: z.string().describe("The id of the user or of the key"),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: "Invitation" });

const inviting = { access: "members:write", tag: "Stores" } as const;
/** Whose password is tried is known by the invitation alone. */
const invited = { tag: "Auth" as const, guarded: ({ params }: Call) => params.token ?? null };

export const routes: Route[] = [
  member(
    {
      ...inviting,
      method: "GET",
      path: "/v1/stores/:id/invitations",
      summary: "List a store's open invitations",
      answers: { 200: { description: "Newest first", schema: pageOf(invitationView) } },
    },
    listInvitations,
  ),
  member(
    {
      ...inviting,
      method: "POST",
      path: "/v1/stores/:id/invitations",
      summary: "Invite somebody to a store",
      description:
        "By e-mail, for seven days. An open invitation of the same address is replaced. 409 for the address of a member. Nobody gives a role that may do more than they.",
      body: invitation,
      audit: "invitation.created",
      answers: { 201: { description: "The invitation", schema: invitationView } },
    },
    createInvitation,
  ),
  member(
    {
      ...inviting,
      method: "POST",
      path: "/v1/stores/:id/invitations/:invitationId/resend",
      summary: "Send an invitation again",
      description:
        "Its seven days begin anew. 429 when it was sent again a short while ago: a minute at first, longer each time, a day at most.",
      audit: "invitation.resent",
      answers: { 200: { description: "The invitation", schema: invitationView } },
    },
    resendInvitation,
  ),
  member(
    {
      ...inviting,
      method: "DELETE",
      path: "/v1/stores/:id/invitations/:invitationId",
      summary: "Revoke an invitation",
      audit: "invitation.revoked",
      answers: { 204: { description: "Its link works no more" } },
    },
    revokeInvitation,
  ),
  open(
    {
      ...invited,
      method: "GET",
      path: "/auth/invitations/:token",
      operationId: "getInvitation",
      summary: "Read an invitation",
      description: "404 when it was accepted, revoked or replaced, or is older than seven days.",
      answers: {
        200: {
          description: "What is offered to whom",
          schema: z.object({
            store: z.object({ name: z.string() }),
            email: z.string(),
            role,
            hasAccount: z.boolean().describe("They accept with their own password, not with a new one"),
          }),
        },
      },
    },
    showOffer,
  ),
  open(
    {
      ...invited,
      method: "POST",
      path: "/auth/invitations/:token/accept",
      operationId: "acceptInvitation",
      summary: "Accept an invitation",
      description: "With the password of the account, or one for a new account. Who has a second factor logs in next.",
      body: acceptance,
      audit: "invitation.accepted",
      answers: {
        200: {
          description: "A session, or word that it was accepted",
          schema: z.union([sessionView, z.object({ accepted: z.literal(true) })]),
        },
      },
    },
    acceptOffer,
  ),
];
