/** Amazon SNS as it speaks to an HTTP subscriber: messages signed with the key of a certificate made here. */
import { createSign, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

export const TOPIC = "arn:aws:sns:eu-central-1:123456789012:mail-events";

/** One element of DER. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}
const sequence = (...parts: Buffer[]) => der(0x30, ...parts);
const RSA_SHA256 = sequence(der(0x06, Buffer.from("2a864886f70d01010b", "hex")), der(0x05));
const NAME = sequence(
  der(0x31, sequence(der(0x06, Buffer.from("550403", "hex")), der(0x0c, Buffer.from("sns.amazonaws.com")))),
);
const utc = (at: number) => der(0x17, Buffer.from(`${new Date(at).toISOString().replace(/[-:T]/g, "").slice(2, 14)}Z`));

/** A self-signed X.509 certificate (RFC 5280) over a new key. */
function certify(from: number, until: number): { pem: string; privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    RSA_SHA256,
    NAME,
    sequence(utc(from), utc(until)),
    NAME,
    publicKey.export({ format: "der", type: "spki" }),
  );
  const signature = der(0x03, Buffer.from([0]), sign("sha256", body, privateKey));
  const lines =
    sequence(body, RSA_SHA256, signature)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return { pem: ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n"), privateKey };
}

const DAY_MS = 86_400_000;
const current = certify(Date.now() - DAY_MS, Date.now() + DAY_MS);
const expired = certify(Date.now() - 2 * DAY_MS, Date.now() - DAY_MS);

/** What the server that plays Amazon serves, by path. */
export const CERTIFICATES = { "/current.pem": current.pem, "/expired.pem": expired.pem };
const KEYS: Record<string, KeyObject> = { "/current.pem": current.privateKey, "/expired.pem": expired.privateKey };

const ORDER = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];

export interface Over {
  Type?: string;
  TopicArn?: string;
  Timestamp?: string;
  SignatureVersion?: "1" | "2";
  SubscribeURL?: string;
  Token?: string;
  SigningCertURL?: string;
}

/** A message as SNS posts it. `certificate`: a path of `CERTIFICATES` on the server at `origin`. */
export function snsMessage(
  origin: string,
  message: unknown,
  over: Over = {},
  certificate = "/current.pem",
): RequestInit {
  const fields: Record<string, string> = {
    Type: "Notification",
    MessageId: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    TopicArn: TOPIC,
    Message: typeof message === "string" ? message : JSON.stringify(message),
    Timestamp: new Date().toISOString(),
    SignatureVersion: "2",
    SigningCertURL: origin + certificate,
    ...over,
  };
  const text = ORDER.filter((name) => name in fields)
    .map((name) => `${name}\n${fields[name]}\n`)
    .join("");
  const algorithm = fields.SignatureVersion === "1" ? "RSA-SHA1" : "RSA-SHA256";
  const Signature = createSign(algorithm).update(text).sign(KEYS[certificate]!, "base64");
  return {
    method: "POST",
    headers: { "content-type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": fields.Type ?? "" },
    body: JSON.stringify({ ...fields, Signature }),
  };
}
