/**
 * Verification alone, in the runtime: `POST /verify?n=` verifies a token n times, one after another, as the product does
 * it, and beside it what it is compared with. Any GET answers "ok": the least that a request costs here.
 */
import { verify as verifyInJavaScript } from "paseto-ts/v4";
import { AUDIENCE, verifyAccessToken } from "../../shared/auth/tokens.ts";
import type { VerifyRequest } from "./verify-request.ts";

/** One verification; throws when it refuses what is good. */
async function verifierOf({ how, token, jwks }: VerifyRequest): Promise<() => unknown> {
  if (how === "javascript") {
    const key = `k4.public.${jwks.keys[0]!.x}`;
    return () => verifyInJavaScript(key, token, { assertion: AUDIENCE });
  }
  if (how === "hmac") {
    const bytes = new TextEncoder().encode(token);
    const hmac = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", bytes.slice(0, 32), hmac, false, ["sign", "verify"]);
    const mac = await crypto.subtle.sign("HMAC", key, bytes);
    return async () => {
      if (!(await crypto.subtle.verify("HMAC", key, mac, bytes))) throw new Error("refused");
    };
  }
  return async () => {
    if (!(await verifyAccessToken(token, jwks))) throw new Error("refused");
  };
}

export default {
  async fetch(request) {
    if (request.method !== "POST") return new Response("ok");
    const n = Number(new URL(request.url).searchParams.get("n"));
    const verify = await verifierOf(await request.json<VerifyRequest>());
    for (let i = 0; i < n; i++) await verify();
    return Response.json({ verified: n });
  },
  async queue() {},
  async scheduled() {},
} satisfies ExportedHandler<Record<string, never>>;
