/** What only a server on somebody's own machine answers. */
import * as z from "zod";
import { AppError } from "../../../shared/errors.ts";
import { open, type Route } from "../route.ts";
import type { Neighbours } from "./storefront.ts";

const mails = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      to: z.string(),
      subject: z.string(),
      html: z.string(),
      text: z.string(),
      sentAt: z.iso.datetime(),
    }),
  ),
});

export const routes = ({ localMails }: Neighbours): Route[] => [
  open(
    {
      method: "GET",
      path: "/local/mails",
      tag: "Operations",
      summary: "Read the mails about accounts that a local server did not send",
      description: "The newest 50, where `EMAIL_PROVIDER` is `outbox` and the server runs locally; 404 anywhere else.",
      answers: { 200: { description: "Mails, newest first", schema: mails } },
    },
    async ({ env }) => {
      const answer = await localMails(env);
      if (!answer) throw new AppError("NOT_FOUND", "There is nothing at this address.");
      return answer;
    },
  ),
];
