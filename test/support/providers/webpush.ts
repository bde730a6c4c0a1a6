/** A push service (RFC 8030) that wants every message signed (RFC 8292), with the browser behind it that decrypts. */
import { importJWK, jwtVerify } from "jose";
import { PushReceiver } from "./push-receiver.ts";
import { type Answered, type Asked, type Checker, ProviderServer } from "./server.ts";

const DAY_SECONDS = 86_400;

const no = (status: number, text: string): Answered => ({ status, headers: { "content-type": "text/plain" }, text });

export class PushServer extends ProviderServer {
  readonly browser = new PushReceiver();
  /** Whom the browser subscribed to; `null`: whoever signs. */
  applicationServerKey: string | null = null;

  constructor() {
    const checker: Checker = {
      check: (asked) => this.#read(asked),
      accept: (id) => ({ status: 201, headers: { location: `${this.url}/message/${id}` } }),
    };
    super(checker);
  }

  /** The subscription of a browser of this name. */
  subscription(name: string) {
    return { kind: "webpush" as const, endpoint: `${this.url}/push/${name}`, ...this.browser.keys };
  }

  async #read(asked: Asked) {
    const { method, path, headers, body } = asked;
    const name = /^\/push\/([\w.-]+)$/.exec(path)?.[1];
    if (!name || method !== "POST") return no(404, "no such subscription");
    const wrong = await this.#wrongSignature(headers.authorization ?? "");
    if (wrong) return no(403, wrong);
    if (headers["content-encoding"] !== "aes128gcm") return no(400, "Content-Encoding must be aes128gcm");
    if (!/^\d{1,10}$/.test(headers.ttl ?? "")) return no(400, "TTL is missing");
    if (!/^[\w-]{1,32}$/.test(headers.topic ?? "a")) return no(400, "Topic is too long");
    if (!["very-low", "low", "normal", "high"].includes(headers.urgency ?? "normal")) return no(400, "Urgency");
    if (body.length > 4096) return no(413, "payload too large");
    const message = this.#opened(body);
    if (!message) return no(400, "the browser cannot read it");
    const { title, body: text, url, imageUrl, deliveryId } = message;
    const more = { url, imageUrl, ttl: headers.ttl, topic: headers.topic };
    return {
      to: name,
      from: "",
      subject: title ?? "",
      html: "",
      text: text ?? "",
      headers: {},
      deliveryId: deliveryId ?? "",
      more,
    };
  }

  #opened(body: Buffer): Record<string, string> | null {
    try {
      return JSON.parse(this.browser.open(body).toString("utf8")) as Record<string, string>;
    } catch {
      return null;
    }
  }

  async #wrongSignature(authorization: string): Promise<string | null> {
    const [, token = "", k = ""] = /^vapid t=([\w.-]+), k=([\w-]{87})$/.exec(authorization) ?? [];
    const point = Buffer.from(k, "base64url");
    if (point.length !== 65) return "missing VAPID credentials";
    const coordinate = (from: number) => point.subarray(from, from + 32).toString("base64url");
    const key = await importJWK({ kty: "EC", crv: "P-256", x: coordinate(1), y: coordinate(33) }, "ES256");
    const verified = await jwtVerify(token, key, { audience: this.url, algorithms: ["ES256"] }).catch(() => null);
    if (!verified) return "invalid VAPID signature or audience";
    const { exp = 0, sub = "" } = verified.payload;
    const left = exp - Date.now() / 1000;
    if (left <= 0 || left > DAY_SECONDS) return "the VAPID token lives at most a day";
    if (!/^(mailto:|https:\/\/)/.test(sub)) return "the VAPID subject is missing";
    if (this.applicationServerKey !== null && this.applicationServerKey !== k)
      return "the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions.";
    return null;
  }
}
