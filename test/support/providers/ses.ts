/** Amazon SES v2 `SendEmail`: the signature is made again by another signer and compared. */
import { type Checker, isAddress, isText, jsonOf, ProviderServer, pairs } from "./server.ts";
import { wrongSignature } from "./sigv4.ts";

export const CREDENTIALS = { accessKeyId: "AKIDOFTHETESTI9J0", secretAccessKey: "ses-secret-of-the-test/+k1l2" };
export const REGION = "eu-central-1";
export const CONFIGURATION_SET = "cartwake";

const no = (status: number, type: string, message: string) => ({
  status,
  headers: { "x-amzn-errortype": `${type}:http://internal.amazon.com/coral/com.amazonaws.sesv2/` },
  body: { message },
});

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
    const wrong = await wrongSignature(asked, { credentials: CREDENTIALS, region: REGION, service: "ses" });
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
