/** `/auth/sessions*`: where one is logged in, and how to end it. */
import * as z from "zod";
import { json } from "../../../shared/http.ts";
import { openSessionView } from "../../../shared/views.ts";
import { notFound } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";
import { endAllSessions, endSession, openSessions, refreshCookie } from "../sessions.ts";

const list = async ({ env, principal }: MemberCall): Promise<Response> =>
  json({ items: await openSessions(env, principal.userId, principal.sessionId) });

async function end({ env, url, principal, params, audit }: MemberCall): Promise<Response> {
  const family = params.id ?? "";
  const isOpen = await env.DB.prepare(
    "SELECT 1 FROM sessions WHERE family = ? AND user_id = ? AND revoked_at IS NULL AND expires_at > ? LIMIT 1",
  )
    .bind(family, principal.userId, Date.now())
    .first();
  if (!isOpen) throw notFound("session");
  await endSession(env, principal.userId, family);
  audit({ action: "session.ended", objectId: family });
  return gone(url, family === principal.sessionId);
}

async function endAll({ env, url, principal, audit }: MemberCall): Promise<Response> {
  await endAllSessions(env, principal.userId);
  audit({ action: "session.all_ended", objectId: principal.userId });
  return gone(url, true);
}

const gone = (url: URL, own: boolean): Response =>
  new Response(null, { status: 204, headers: own ? { "set-cookie": refreshCookie(url, null) } : {} });

const shared = { access: "user", tag: "Auth" } as const;

export const routes: Route[] = [
  member(
    {
      ...shared,
      method: "GET",
      path: "/auth/sessions",
      operationId: "listSessions",
      summary: "List where one is logged in, the last used first",
      answers: { 200: { description: "Sessions", schema: z.object({ items: z.array(openSessionView) }) } },
    },
    list,
  ),
  member(
    {
      ...shared,
      method: "DELETE",
      path: "/auth/sessions/:id",
      operationId: "endSession",
      summary: "End a session",
      audit: "session.ended",
      answers: { 204: { description: "It and its tokens are void" } },
    },
    end,
  ),
  member(
    {
      ...shared,
      method: "DELETE",
      path: "/auth/sessions",
      operationId: "endSessions",
      summary: "Log out everywhere",
      audit: "session.all_ended",
      answers: { 204: { description: "All sessions and tokens are void, those of the caller too" } },
    },
    endAll,
  ),
];
