/** Firebase Cloud Messaging, HTTP v1, and the token endpoint of Google's OAuth. */
import { generateKeyPairSync } from "node:crypto";
import { jwtVerify } from "jose";
import { type Answered, type Asked, type Checker, formOf, isText, jsonOf, ProviderServer } from "./server.ts";

const keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
const others = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pemOf = (key: typeof keys): string => key.privateKey.export({ type: "pkcs8", format: "pem" }).toString();

export const PROJECT = "kiln-shop-1";
export const ACCOUNT = {
  clientEmail: `push-t9u0@${PROJECT}.iam.gserviceaccount.com`,
  privateKey: pemOf(keys),
};
/** Of an account that Google does not know. */
export const STRANGERS_KEY = pemOf(others);
const SCOPE = "https://www.googleapis.com/auth/firebase.messaging";
const KNOWN = new Set(["token", "notification", "data", "android", "apns", "webpush"]);

/** As Google's APIs refuse. */
export const googleError = (code: number, status: string, message: string, errorCode?: string): Answered => ({
  status: code,
  body: {
    error: {
      code,
      message,
      status,
      ...(errorCode
        ? { details: [{ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", errorCode }] }
        : {}),
    },
  },
});

interface Sent {
  token?: unknown;
  notification?: { title?: unknown; body?: unknown; image?: unknown };
  data?: Record<string, unknown>;
  android?: { ttl?: unknown };
  apns?: { headers?: Record<string, unknown> };
  webpush?: { headers?: Record<string, unknown>; fcm_options?: { link?: string } };
}

export class FcmServer extends ProviderServer {
  /** Tokens that were given out, in this order. */
  readonly issued: string[] = [];
  /** What the token endpoint answers instead, once each. */
  readonly tokenFailures: Answered[] = [];

  constructor() {
    const checker: Checker = {
      check: (asked) => (asked.path === "/token" ? this.#grant(asked) : this.#read(asked)),
      accept: (id) => ({ status: 200, body: { name: `projects/${PROJECT}/messages/0:${id}` } }),
    };
    super(checker);
  }

  /** From now on no token that was given out is good. */
  revoke(): void {
    this.issued.length = 0;
  }

  async #grant(asked: Asked): Promise<Answered> {
    const failure = this.tokenFailures.shift();
    if (failure) return failure;
    const { grant_type, assertion = "" } = formOf(asked) ?? {};
    const no = (error_description: string): Answered => ({
      status: 400,
      body: { error: "invalid_grant", error_description },
    });
    if (grant_type !== "urn:ietf:params:oauth:grant-type:jwt-bearer") return no("unsupported grant type");
    const claim = { issuer: ACCOUNT.clientEmail, audience: `${this.url}/token`, algorithms: ["RS256"] };
    const verified = await jwtVerify(assertion, keys.publicKey, claim).catch(() => null);
    if (!verified) return no("Invalid JWT Signature.");
    const { iat = 0, exp = 0, scope } = verified.payload;
    if (exp - iat > 3600 || exp <= iat) return no("Invalid JWT: Token must be a short-lived token (60 minutes)");
    if (scope !== SCOPE) return { status: 400, body: { error: "invalid_scope" } };
    const access_token = `ya29.token-${this.issued.length + 1}-${Math.random().toString(36).slice(2)}`;
    this.issued.push(access_token);
    return { status: 200, body: { access_token, expires_in: 3599, token_type: "Bearer" } };
  }

  #read(asked: Asked) {
    const bearer = /^Bearer (\S+)$/.exec(asked.headers.authorization ?? "")?.[1] ?? "";
    if (!this.issued.includes(bearer))
      return googleError(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.");
    if (asked.path !== `/v1/projects/${PROJECT}/messages:send` || asked.method !== "POST")
      return googleError(404, "NOT_FOUND", "Requested entity was not found.");
    const { message, ...rest } = (jsonOf(asked) ?? {}) as { message?: Sent };
    const bad = (what: string) => googleError(400, "INVALID_ARGUMENT", `Invalid JSON payload received. ${what}`);
    if (!message || Object.keys(rest).length > 0) return bad("message");
    const strange = Object.keys(message).find((name) => !KNOWN.has(name));
    if (strange) return bad(`Unknown name "${strange}"`);
    const { token, notification, data = {}, android, apns, webpush } = message;
    if (!isText(token) || !/^[\w:-]{20,}$/.test(token))
      return googleError(400, "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token");
    if (!isText(notification?.title) || !isText(notification.body)) return bad("notification");
    if (Object.values(data).some((value) => typeof value !== "string")) return bad("data values are strings");
    if (!/^\d+s$/.test(String(android?.ttl)) || Number.parseInt(String(android?.ttl), 10) > 2_419_200)
      return bad("ttl");
    if (!/^\d{10}$/.test(String(apns?.headers?.["apns-expiration"]))) return bad("apns");
    const link = webpush?.fcm_options?.link;
    if (link !== undefined && !link.startsWith("https://")) return bad("fcm_options.link must be HTTPS");
    const { title, body } = notification;
    const more = { url: data.url, ttl: android?.ttl };
    return {
      to: token,
      from: "",
      subject: title,
      html: "",
      text: body,
      headers: {},
      deliveryId: String(data.deliveryId),
      more,
    };
  }
}
