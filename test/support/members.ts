/** Members of a store, made as people make them: by an invitation that is accepted. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
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

export interface AuditRow {
  action: string;
  actorKind: string;
  actorId: string | null;
  objectId: string | null;
  before: string | null;
  after: string | null;
}

/** The audit log of a store, oldest first, read from the server's own database. */
export function auditOf(system: System, storeId: string): AuditRow[] {
  const files = readdirSync(system.state, { recursive: true, encoding: "utf8" });
  for (const file of files.filter((name) => name.endsWith(".sqlite"))) {
    const database = new DatabaseSync(join(system.state, file), { readOnly: true });
    try {
      const known = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'audit_log'").get();
      if (!known) continue;
      return database
        .prepare(
          `SELECT action, actor_kind AS actorKind, actor_id AS actorId, object_id AS objectId, before, after
           FROM audit_log WHERE store_id = ? ORDER BY at`,
        )
        .all(storeId) as unknown as AuditRow[];
    } finally {
      database.close();
    }
  }
  throw new Error(`no audit log among ${files.length} files`);
}

export interface Member {
  userId: string;
  email: string;
  role: string;
}

export const SHOP = { name: "Second", url: "https://second.example/", currency: "USD", timezone: "Europe/Berlin" };
export const openStore = async (by: Merchant): Promise<string> => {
  const made = await by.call<{ store: { id: string } }>("POST", "/v1/stores", SHOP);
  expect(made.status, made.text).toBe(201);
  return made.body.store.id;
};
export const membersOf = async (by: Merchant, store = by.account.storeId) =>
  (await by.get<{ items: Member[] }>(`/v1/stores/${store}/members`)).items;
export const idOf = async (by: Merchant) => (await by.get<{ id: string }>("/auth/me")).id;
export const setRole = (by: Merchant, store: string, userId: string, role: string) =>
  by.call<Member>("PATCH", `/v1/stores/${store}/members/${userId}`, { role });
export const remove = (by: Merchant, store: string, userId: string) =>
  by.call("DELETE", `/v1/stores/${store}/members/${userId}`);
