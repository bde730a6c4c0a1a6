/** Amazon SNS, action `Publish` to a phone number: the query protocol with answers in XML. */
import { type Answered, type Checker, formOf, isE164, isText, ProviderServer } from "./server.ts";
import { wrongSignature } from "./sigv4.ts";

export const CREDENTIALS = { accessKeyId: "AKIDOFTHETESTP5Q6", secretAccessKey: "sns-secret-of-the-test/+r7s8" };
export const REGION = "eu-west-1";
export const SENDER_ID = "Kiln";

const xml = (status: number, text: string): Answered => ({ status, headers: { "content-type": "text/xml" }, text });

/** As SNS refuses. */
export const snsError = (status: number, code: string, message: string): Answered =>
  xml(
    status,
    `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>`,
  );

/** `MessageAttributes.entry.N` by name; `null` when they are not counted from one or are of another type. */
function attributesOf(form: Record<string, string>): Record<string, string> | null {
  const attributes: Record<string, string> = {};
  const given = Object.keys(form).filter((name) => name.startsWith("MessageAttributes."));
  for (let n = 1; n <= given.length / 3; n++) {
    const entry = `MessageAttributes.entry.${n}`;
    if (form[`${entry}.Value.DataType`] !== "String") return null;
    attributes[form[`${entry}.Name`] ?? ""] = form[`${entry}.Value.StringValue`] ?? "";
  }
  return Object.keys(attributes).length * 3 === given.length ? attributes : null;
}

const checker: Checker = {
  async check(asked) {
    const wrong = await wrongSignature(asked, { credentials: CREDENTIALS, region: REGION, service: "sns" });
    if (wrong) return snsError(403, wrong, "The request signature we calculated does not match");
    const form = formOf(asked);
    if (asked.path !== "/" || form?.Action !== "Publish" || form.Version !== "2010-03-31")
      return snsError(400, "InvalidAction", "Could not find operation");
    const { PhoneNumber, Message } = form;
    const bad = (reason: string) => snsError(400, "InvalidParameter", `Invalid parameter: ${reason}`);
    if (!isE164(PhoneNumber)) return bad(`PhoneNumber Reason: ${PhoneNumber} is not valid to publish to`);
    if (!isText(Message) || Message.length > 1600) return bad("Message");
    const attributes = attributesOf(form);
    const { "AWS.SNS.SMS.SMSType": type, "AWS.SNS.SMS.SenderID": from, ...others } = attributes ?? {};
    if (!["Promotional", "Transactional"].includes(type ?? "") || Object.keys(others).length > 0)
      return bad("MessageAttributes");
    if (from !== SENDER_ID) return bad("SenderID");
    return { to: PhoneNumber, from, subject: "", html: "", text: Message, headers: {}, deliveryId: "", more: { type } };
  },
  accept: (id) =>
    xml(
      200,
      `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>${id}</MessageId></PublishResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></PublishResponse>`,
    ),
};

export const snsServer = () => new ProviderServer(checker);
