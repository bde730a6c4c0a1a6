/** Amazon's Signature Version 4, made again by another signer and compared. */
import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import type { Asked } from "./server.ts";

const MAX_SKEW_MS = 5 * 60_000;

export interface Scope {
  credentials: { accessKeyId: string; secretAccessKey: string };
  region: string;
  service: string;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=(\w+)\/(\d{8})\/([\w-]+)\/(\w+)\/aws4_request, SignedHeaders=([\w;-]+), Signature=([\da-f]{64})$/;

/** What is wrong with the signature; `null` when nothing is. */
export async function wrongSignature(
  { headers, method, path, body }: Asked,
  { credentials, region: ours, service: its }: Scope,
): Promise<string | null> {
  const [, keyId, day, region, service, names = "", signature] = AUTHORIZATION.exec(headers.authorization ?? "") ?? [];
  const date = headers["x-amz-date"] ?? "";
  const at = new Date(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (keyId !== credentials.accessKeyId) return "UnrecognizedClientException";
  if (day !== date.slice(0, 8) || region !== ours || service !== its) return "SignatureDoesNotMatch";
  if (!(Math.abs(Date.now() - at.getTime()) < MAX_SKEW_MS)) return "RequestExpired";
  const signed = names.split(";");
  if (!signed.includes("host") || !signed.includes("x-amz-date")) return "SignatureDoesNotMatch";
  const signer = new SignatureV4({
    credentials,
    region: ours,
    service: its,
    sha256: Sha256,
    applyChecksum: false,
  });
  const [hostname = "", port] = (headers.host ?? "").split(":");
  const again = await signer.sign(
    {
      method,
      protocol: "http:",
      hostname,
      port: Number(port),
      path,
      query: {},
      headers: Object.fromEntries(signed.map((name) => [name, headers[name] ?? ""])),
      body: new Uint8Array(body),
    },
    { signingDate: at },
  );
  return AUTHORIZATION.exec(again.headers.authorization ?? "")?.[6] === signature ? null : "SignatureDoesNotMatch";
}
