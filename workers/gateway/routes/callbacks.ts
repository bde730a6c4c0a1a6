/** `/v1/callbacks/*`: what providers report of messages. Declared here, handled by `workers/interventions`. */
import * as z from "zod";
import { json } from "../../../shared/http.ts";
import { open, type Route } from "../route.ts";
import type { Neighbours } from "./storefront.ts";

export const routes = (neighbours: Neighbours): Route[] => [
  open(
    {
      method: "POST",
      path: "/v1/callbacks/:provider/:providerId",
      tag: "Providers",
      operationId: "receiveCallback",
      summary: "Receive a provider's events",
      description:
        "Delivered, bounced, complained, opened, clicked, unsubscribed; by SMS also answers of STOP and START. Authentic by the provider's own scheme, or refused; what comes twice, or is about a message that is not known, changes nothing.",
      problems: ["UNAUTHORIZED", "VALIDATION_ERROR", "PAYLOAD_TOO_LARGE", "SERVICE_UNAVAILABLE"],
      answers: {
        200: {
          description: "Taken",
          schema: z.object({ received: z.number().int().describe("Events that were read") }),
        },
        204: { description: "Taken, from Twilio: a body would be its answer to the shopper" },
      },
    },
    async ({ request, env, params }) => {
      const { provider = "", providerId = "" } = params;
      const received = await neighbours.receiveCallback(request, env, provider, providerId);
      return provider === "twilio" ? new Response(null, { status: 204 }) : json({ received });
    },
  ),
];
