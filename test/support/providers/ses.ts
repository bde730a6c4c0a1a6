/** Amazon SES v2 `SendEmail`: the signature is made again by another signer and compared. */
import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import { type Asked, type Checker, isAddress, isText, jsonOf, ProviderServer, pairs } from "./server.ts";

export const CREDENTIALS = { accessKeyId: "AKIDOFTHETESTI9J0", secretAccessKey: "ses-secret-of-the-test/+k1l2" };
export const REGION = "eu-central-1";
export const CONFIGURATION_SET = "cartwake";
const MAX_SKEW_MS = 5 * 60_000;

const no = (status: number, type: string, message: string) => ({
  status,
  headers: { "x-amzn-errortype": `${type}:http://internal.amazon.com/coral/com.amazonaws.sesv2/` },
  body: { message },
});

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=(\w+)\/(\d{8})\/([\w-]+)\/(\w+)\/aws4_request, SignedHeaders=([\w;-]+), Signature=([\da-f]{64})$/;

/** What is wrong with the signature; `null` when nothing is. */
async function wrongSignature({ headers, method, path, body }: Asked): Promise<string | null> {
  const [, keyId, day, region, service, names = "", signature] = AUTHORIZATION.exec(headers.authorization ?? "") ?? [];
  const date = headers["x-amz-date"] ?? "";
  const at = new Date(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (keyId !== CREDENTIALS.accessKeyId) return "UnrecognizedClientException";
  if (day !== date.slice(0, 8) || region !== REGION || service !== "ses") return "SignatureDoesNotMatch";
  if (!(Math.abs(Date.now() - at.getTime()) < MAX_SKEW_MS)) return "RequestExpired";
  const signed = names.split(";");
  if (!signed.includes("host") || !signed.includes("x-amz-date")) return "SignatureDoesNotMatch";
  const signer = new SignatureV4({
    credentials: CREDENTIALS,
    region: REGION,
    service: "ses",
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

interface Sent {
  FromEmailAddress?: string;
  Destination?: { ToAddresses?: string[] };
  Content?: { Simple?: { Subject?: Part; Body?: { Html?: Part; Text?: Part }; Headers?: unknown } };
  EmailTags?: { Name?: string; Value?: string }[];
  ConfigurationSetName?: string;
}
interface Part {
  Data?: string;
  Charset?: string;
}

const checker: Checker = {
  async check(asked) {
    if (asked.path !== "/v2/email/outbound-emails" || asked.method !== "POST")
      return no(404, "UnknownOperationException", "no such operation");
    const wrong = await wrongSignature(asked);
    if (wrong) return no(403, wrong, "The request signature we calculated does not match the signature you provided.");
    const {
      FromEmailAddress,
      Destination,
      Content,
      EmailTags = [],
      ConfigurationSetName,
    } = (jsonOf(asked) ?? {}) as Sent;
    const bad = (message: string) => no(400, "BadRequestException", message);
    if (!isText(FromEmailAddress) || !/^[ -~]+@[ -~]+$/.test(FromEmailAddress)) return bad("FromEmailAddress");
    const [to] = Destination?.ToAddresses ?? [];
    if (!isAddress(to)) return bad("Destination");
    const { Subject, Body, Headers } = Content?.Simple ?? {};
    if (!isText(Subject?.Data) || !(isText(Body?.Html?.Data) || isText(Body?.Text?.Data))) return bad("Content");
    const headers = pairs(Headers);
    if (!headers || Object.keys(headers).length > 15) return bad("Headers");
    const [tag] = EmailTags;
    if (tag?.Name !== "deliveryId" || !/^[\w.@-]{1,256}$/.test(tag.Value ?? "")) return bad("EmailTags");
    if (ConfigurationSetName !== CONFIGURATION_SET)
      return no(404, "NotFoundException", `Configuration set <${ConfigurationSetName}> does not exist.`);
    const parts = { html: Body?.Html?.Data ?? "", text: Body?.Text?.Data ?? "" };
    return { to, from: FromEmailAddress, subject: Subject.Data, ...parts, headers, deliveryId: tag.Value ?? "" };
  },
  accept: (MessageId) => ({ status: 200, body: { MessageId } }),
};

export const sesServer = () => new ProviderServer(checker);
