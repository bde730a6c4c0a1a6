/** What the settings read and change: the account, its sessions, the store's members, keys and audit log. */
import type { Permission, Role } from "../../../../shared/auth/roles.ts";
import type { OpenSessionView, UserView } from "../../../../shared/views.ts";
import { call, get, getFile, type Page } from "./client.ts";
import { send } from "./http.ts";

export interface Member {
  userId: string;
  email: string;
  name: string | null;
  role: Role;
  joinedAt: string;
  mfaEnabled: boolean;
  lastLoginAt: string | null;
}

export interface Invitation {
  id: string;
  email: string;
  role: Role;
  createdAt: string;
  expiresAt: string;
}

export interface InvitationOffer {
  store: { name: string };
  email: string;
  role: Role;
  hasAccount: boolean;
}

export interface ApiKey {
  id: string;
  kind: "publishable" | "secret";
  /** In full: of publishable keys always, of secret ones in the answer that made them. */
  key?: string;
  prefix?: string;
  name: string | null;
  scopes: string[];
  allowedOrigins: string[];
  createdAt: string;
  /** To the hour. */
  lastUsedAt: string | null;
  expiresAt: string | null;
  revokedAt: string | null;
  rotatedTo: string | null;
  /** `null`: made before this was kept. */
  createdBy: { userId: string; email: string; name: string | null } | null;
}

export interface NewKey {
  kind: ApiKey["kind"];
  name?: string;
  scopes?: Permission[];
  allowedOrigins?: string[];
  expiresAt?: string;
}

export interface AuditEntry {
  id: string;
  at: string;
  actor: { kind: string; id: string | null; email: string | null };
  action: string;
  object: { kind: string; id: string | null };
  address: string | null;
  userAgent: string | null;
  requestId: string | null;
  before: unknown;
  after: unknown;
}

export interface AuditFilter {
  action?: string;
  actorId?: string;
  from?: string;
  to?: string;
}

export interface MfaSetup {
  secret: string;
  otpauthUrl: string;
  /** An SVG document. */
  qr: string;
}

export interface RecoveryCodes {
  recoveryCodes: string[];
}

export interface StoreGiven {
  name: string;
  url: string;
  currency: string;
  timezone: string;
}

const at = (...parts: string[]) => `/${parts.map(encodeURIComponent).join("/")}`;

export const forgotPassword = (email: string) => send("/auth/password/forgot", { method: "POST", body: { email } });
export const resetPassword = (token: string, password: string) =>
  send("/auth/password/reset", { method: "POST", body: { token, password } });
export const changePassword = (currentPassword: string, newPassword: string) =>
  call("POST", "/auth/password/change", { currentPassword, newPassword });
export const changeName = (name: string) => call<UserView>("PATCH", "/auth/me", { name });

export const setUpMfa = (password: string) => call<MfaSetup>("POST", "/auth/mfa/setup", { password });
export const enableMfa = (password: string, code: string) =>
  call<RecoveryCodes>("POST", "/auth/mfa/enable", { password, code });
export const disableMfa = (password: string, code: string) => call("POST", "/auth/mfa/disable", { password, code });
export const renewRecoveryCodes = (code: string) => call<RecoveryCodes>("POST", "/auth/mfa/recovery-codes", { code });

export const listSessions = () => get<{ items: OpenSessionView[] }>("/auth/sessions");
export const endSession = (id: string) => call("DELETE", at("auth", "sessions", id));
export const endAllSessions = () => call("DELETE", "/auth/sessions");

export const addStore = (given: StoreGiven) =>
  call<{ store: { id: string }; publishableKey: string }>("POST", "/v1/stores", given);

const members = (storeId: string, ...rest: string[]) => at("v1", "stores", storeId, "members", ...rest);
export const listMembers = (storeId: string) => get<{ items: Member[] }>(members(storeId));
export const changeRole = (storeId: string, userId: string, role: Role) =>
  call("PATCH", members(storeId, userId), { role });
export const removeMember = (storeId: string, userId: string) => call("DELETE", members(storeId, userId));

const invitations = (storeId: string, ...rest: string[]) => at("v1", "stores", storeId, "invitations", ...rest);
export const listInvitations = (storeId: string) => get<{ items: Invitation[] }>(invitations(storeId));
export const invite = (storeId: string, email: string, role: Role) =>
  call("POST", invitations(storeId), { email, role });
export const revokeInvitation = (storeId: string, id: string) => call("DELETE", invitations(storeId, id));
export const resendInvitation = (storeId: string, id: string) => call("POST", invitations(storeId, id, "resend"));
export const getInvitation = (token: string) => send<InvitationOffer>(at("auth", "invitations", token));

export const listKeys = () => get<Page<ApiKey>>("/v1/api-keys");
export const createKey = (given: NewKey) => call<ApiKey>("POST", "/v1/api-keys", given);
export const changeKey = (id: string, change: Pick<NewKey, "name" | "allowedOrigins">) =>
  call<ApiKey>("PATCH", at("v1", "api-keys", id), change);
export const rotateKey = (id: string, overlapHours: number) =>
  call<ApiKey>("POST", at("v1", "api-keys", id, "rotate"), { overlapHours });
export const revokeKey = (id: string) => call("DELETE", at("v1", "api-keys", id));

const query = (values: Record<string, string | undefined>): string =>
  new URLSearchParams(Object.entries(values).filter((pair): pair is [string, string] => Boolean(pair[1]))).toString();

export const readAudit = (filter: AuditFilter, cursor?: string) =>
  get<Page<AuditEntry>>(`/v1/audit?${query({ ...filter, limit: "50", cursor })}`);
/** All that happened in a time, whatever else the filter says. */
export const exportAudit = ({ from, to }: AuditFilter, format: "csv" | "json") =>
  getFile(`/v1/audit/export?${query({ from, to, format })}`);
