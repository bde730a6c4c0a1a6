/** Members of a store, made as people make them: by an invitation that is accepted. */
import { expect } from "vitest";
import { signAccountLink } from "../../shared/auth/account-links.ts";
import type { SessionView } from "../../shared/views.ts";
import { secretsOf } from "../../workers/cli/state.ts";
import { type Answer, http, Merchant } from "./merchant.ts";
import type { System } from "./system.ts";

export const PASSWORD = "a long enough secret";

export interface Invited {
  id: string;
  email: string;
  role: string;
  expiresAt: string;
}

/** The token that the mail of an invitation carries. */
export const tokenOf = (system: System, { id, email }: Invited): Promise<string> =>
  signAccountLink("invitation", id, email, secretsOf(system.state).AUTH_SECRET);

export const post = <T = SessionView>(url: string, body: unknown): Promise<Answer<T>> =>
  http<T>(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

export async function invite(by: Merchant, email: string, role: string, store = by.account.storeId): Promise<Invited> {
  const made = await by.call<Invited>("POST", `/v1/stores/${store}/invitations`, { email, role });
  expect(made.status, made.text).toBe(201);
  return made.body;
}

export const accept = async (system: System, invited: Invited, password = PASSWORD): Promise<Answer<SessionView>> =>
  post(`${system.url}/auth/invitations/${await tokenOf(system, invited)}/accept`, { password });

/** Somebody as a caller, by the session they have opened. */
export function callerOf(system: System, session: SessionView, password = PASSWORD): Merchant & { userId: string } {
  const { accessToken, refreshToken, user } = session;
  const account = { storeId: user.storeId, key: "", accessToken, refreshToken, email: user.email, password };
  return Object.assign(new Merchant(system.url, account), { userId: user.id });
}

/** A new member of the store, logged in to it. */
export async function joinAs(system: System, by: Merchant, role: string, email: string, store?: string) {
  const joined = await accept(system, await invite(by, email, role, store));
  expect(joined.status, joined.text).toBe(200);
  return callerOf(system, joined.body);
}
