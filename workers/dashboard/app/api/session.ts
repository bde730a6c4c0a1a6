/**
 * Who is signed in. The access token lives in memory only; the server keeps the refresh token in an HttpOnly cookie.
 * A copy of the refresh token from the last answer is held in memory for browsers that drop the cookie.
 */
import { computed, signal } from "@preact/signals";
import type { Permission } from "../../../../shared/auth/roles.ts";
import type { SessionView, UserView } from "../../../../shared/views.ts";
import { Problem, send } from "./http.ts";

export const sessionState = signal<"starting" | "out" | "in">("starting");
export const user = signal<UserView | null>(null);
/** Why the login page is shown, when it is not simply the first visit. */
export const sessionNotice = signal<string | null>(null);

export type LoginAnswer = SessionView | { requiresMfa: true; mfaToken: string };

/** The store of the session. */
export const store = computed(() => user.value?.stores.find(({ id }) => id === user.value?.storeId) ?? null);

export const may = (permission: Permission): boolean => user.value?.permissions.includes(permission) ?? false;

/** Ask for a new token this long before the old one ends, so that a request does not die on the way. */
const MARGIN_MS = 10_000;

let accessToken: string | null = null;
let refreshToken: string | null = null;
let expiresAt = 0;
let refreshing: Promise<boolean> | null = null;

function enter(session: SessionView): void {
  accessToken = session.accessToken;
  refreshToken = session.refreshToken;
  expiresAt = Date.now() + session.expiresIn * 1000;
  user.value = session.user;
  sessionNotice.value = null;
  sessionState.value = "in";
}

function leave(notice: string | null): void {
  accessToken = null;
  refreshToken = null;
  user.value = null;
  sessionNotice.value = notice;
  sessionState.value = "out";
}

/** Resumes a session from the cookie; a first visit ends at the login page. */
export async function resume(): Promise<void> {
  try {
    await refresh();
  } catch (error) {
    leave(error instanceof Problem ? `${error.title}. ${error.message}` : null);
  }
}

/** `null` when signed in; otherwise the token with which to send the second factor. */
export async function login(email: string, password: string): Promise<string | null> {
  const answer = await send<LoginAnswer>("/auth/login", { method: "POST", body: { email, password } });
  if ("requiresMfa" in answer) return answer.mfaToken;
  enter(answer);
  return null;
}

export async function verifyMfa(mfaToken: string, code: string): Promise<void> {
  enter(await send<SessionView>("/auth/mfa/verify", { method: "POST", body: { mfaToken, code } }));
}

/** `false` when it is accepted, and the account's second factor stands before the session. */
export async function acceptInvitation(token: string, given: { password: string; name?: string }): Promise<boolean> {
  const path = `/auth/invitations/${encodeURIComponent(token)}/accept`;
  const answer = await send<SessionView | { accepted: true }>(path, { method: "POST", body: given });
  if ("accepted" in answer) return false;
  enter(answer);
  return true;
}

export async function logout(): Promise<void> {
  const sending = { method: "POST" as const, body: refreshToken ? { refreshToken } : undefined, token: accessToken };
  leave("You are logged out.");
  await send("/auth/logout", sending).catch(() => undefined); // the page forgot its tokens either way
}

/** The server has ended the session: nothing is left to tell it. */
export const forget = (notice: string): void => leave(notice);

/** What changed about the user without a new session. */
export function changeUser(change: Partial<UserView>): void {
  if (user.value) user.value = { ...user.value, ...change };
}

/** An access token that is good for some seconds more; `null` when signed out. */
export async function freshToken(): Promise<string | null> {
  if (accessToken && Date.now() > expiresAt - MARGIN_MS) await refresh();
  return accessToken;
}

/** One refresh at a time, in this tab and across tabs: two at once would look like a stolen refresh token. */
export function refresh(): Promise<boolean> {
  refreshing ??= acrossTabs(() => exchange()).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

/** Moves the session to another store of the user. `false` when it was over. */
export async function switchStore(storeId: string): Promise<boolean> {
  await refreshing?.catch(() => false);
  refreshing = acrossTabs(() => exchange(storeId)).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function exchange(storeId?: string): Promise<boolean> {
  const to = storeId === undefined ? {} : { storeId };
  const ask = (body: object) => send<SessionView>("/auth/refresh", { method: "POST", body }).catch(refused);
  const held = refreshToken;
  const session = (await ask(to)) ?? (held ? await ask({ ...to, refreshToken: held }) : null);
  if (session) enter(session);
  else leave(sessionState.value === "in" ? "Your session has ended. Log in again." : null);
  return session !== null;
}

/** "No" is an answer; an unreachable or failing server is not, and must not log anyone out. */
function refused(error: unknown): null {
  if (error instanceof Problem && (error.status === 400 || error.status === 401 || error.status === 403)) return null;
  throw error;
}

function acrossTabs<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks ? navigator.locks.request("cartwake.refresh", work) : work();
}
