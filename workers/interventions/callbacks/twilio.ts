import { createHmac } from "node:crypto";
import { E164 } from "../../../shared/phone.ts";
import type { CredentialsOf, SettingsOf } from "../../../shared/providers.ts";
import { eventOf, isSame, type Meaning, meaningIn, type NumberEvent, type Reader } from "./callback.ts";

/**
 * Twilio signs the address it posts to and the form's sorted fields: HMAC-SHA1 with the account's auth token. There is no
 * time in it; what may not be played again is remembered by its id. Statuses of messages come to the address that went
 * along with them, answers of shoppers to the one without `delivery`.
 */
export const twilioReader =
  ({ accountSid }: SettingsOf<"twilio">, { authToken }: CredentialsOf<"twilio">): Reader =>
  async ({ headers, body, urls }) => {
    const signature = headers.get("x-twilio-signature");
    if (!authToken || !signature) return null;
    const form = new URLSearchParams(body);
    const url = urls.find((one) => isSame(signature, twilioSignature(one, form, authToken)));
    if (!url || form.get("AccountSid") !== accountSid) return null;
    const status = form.get("MessageStatus");
    if (status === null) return replyIn(form);
    const error = form.get("ErrorCode");
    return eventOf(
      new URL(url).searchParams.get("delivery"),
      null,
      meaningOf(status, Number(error)),
      error && `error ${error.slice(0, 10)}`,
    );
  };

/** Of the address and the fields: names in the order of their code units, a value that comes twice counts once. */
export function twilioSignature(url: string, form: URLSearchParams, authToken: string): string {
  const names = [...new Set(form.keys())].sort();
  const fields = names.flatMap((name) => [...new Set(form.getAll(name))].sort().map((value) => name + value));
  return createHmac("sha1", authToken)
    .update(url + fields.join(""))
    .digest("base64");
}

const STATUSES: Record<string, Meaning> = { delivered: "delivered", read: "opened" };

/** Of messages that did not arrive: the number is nobody's, or no mobile's; who has it wants none. */
const FAILURES: Record<number, Meaning> = { 30005: "hardBounce", 30006: "hardBounce", 21610: "optedOut" };

function meaningOf(status: string, error: number): Meaning | undefined {
  if (status === "undelivered" || status === "failed") return FAILURES[error] ?? "softBounce";
  return meaningIn(STATUSES, status);
}

/** Twilio's own words, and what people write in the languages that mails are sent in. */
const STOP = new Set(
  `STOP STOPALL UNSUBSCRIBE CANCEL END QUIT REVOKE OPTOUT STOPP ABMELDEN ENDE ARRET ARRETER DESABONNER ALTO BAJA CANCELAR
  PARAR PARE SAIR FERMA ANNULLA DISISCRIVI STOPPEN AFMELDEN`.split(/\s+/),
);
const START = new Set(["START", "UNSTOP"]);

function replyIn(form: URLSearchParams): NumberEvent[] {
  const number = form.get("From") ?? "";
  const replyId = form.get("MessageSid") ?? "";
  const says = saidBy(form.get("OptOutType"), form.get("Body") ?? "");
  if (!says || !E164.test(number) || !/^\w{1,64}$/.test(replyId)) return [];
  return [{ replyId, number, says }];
}

/** `OptOutType` is Twilio's own reading, where it has one. */
function saidBy(type: string | null, body: string): NumberEvent["says"] | null {
  if (type !== null) return type === "STOP" ? "stop" : type === "START" ? "start" : null;
  const word = body
    .slice(0, 100)
    .normalize("NFD")
    .replace(/[^A-Za-z]/g, "")
    .toUpperCase();
  return STOP.has(word) ? "stop" : START.has(word) ? "start" : null;
}
