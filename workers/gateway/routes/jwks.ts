/** `/.well-known/jwks.json`. */
import * as z from "zod";
import { json } from "../../../shared/http.ts";
import { publicKeys } from "../authenticate.ts";
import { type Call, open, type Route } from "../route.ts";

async function jwks({ env }: Call): Promise<Response> {
  return json(await publicKeys(env), 200, { "cache-control": "public, max-age=60" });
}

export const routes: Route[] = [
  open(
    {
      method: "GET",
      path: "/.well-known/jwks.json",
      operationId: "getPublicKeys",
      tag: "Auth",
      summary: "Read the public keys that access tokens are signed with",
      answers: {
        200: {
          description: "The current and the previous keys (RFC 7517)",
          schema: z.object({ keys: z.array(z.record(z.string(), z.unknown())) }),
        },
      },
    },
    jwks,
  ),
];
