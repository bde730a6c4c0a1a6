/** Web Push's encryption: by the example of RFC 8291, and against a receiver of other make. */
import { describe, expect, it } from "vitest";
import { fromBase64url } from "../../shared/ids.ts";
import { encryptPush, MAX_PUSH_BYTES, newEphemeral } from "../../workers/interventions/providers/push-encryption.ts";
import { PushReceiver } from "../support/providers/push-receiver.ts";

/** RFC 8291, appendix A. */
const RFC = {
  plain: "When I grow up, I want to be a watermelon",
  senderPrivate: "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
  senderPublic: "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
  receiverPrivate: "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94",
  receiverPublic: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
  auth: "BTBZMqHH6r4Tts7J_aSIgg",
  salt: "DGv6ra1nlYgDCS1FRnbzlw",
  body: "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
};
const curve = { name: "ECDH", namedCurve: "P-256" } as const;
const bytes = (text: string) => new TextEncoder().encode(text);

async function senderOfRfc(): Promise<CryptoKeyPair> {
  const point = Buffer.from(RFC.senderPublic, "base64url");
  const [x, y] = [point.subarray(1, 33).toString("base64url"), point.subarray(33).toString("base64url")];
  const jwk = { kty: "EC", crv: "P-256", x, y };
  return {
    publicKey: await crypto.subtle.importKey("jwk", jwk, curve, true, []),
    privateKey: await crypto.subtle.importKey("jwk", { ...jwk, d: RFC.senderPrivate }, curve, true, ["deriveBits"]),
  };
}

describe("the example of RFC 8291", () => {
  const receiver = new PushReceiver({ privateKey: RFC.receiverPrivate, auth: RFC.auth });

  it("is read by the receiver that the tests use", () => {
    expect(receiver.keys).toEqual({ p256dh: RFC.receiverPublic, auth: RFC.auth });
    expect(receiver.open(Buffer.from(RFC.body, "base64url")).toString()).toBe(RFC.plain);
  });

  it("is written byte for byte", async () => {
    const ephemeral = { salt: fromBase64url(RFC.salt)!, keys: await senderOfRfc() };
    const body = await encryptPush(bytes(RFC.plain), receiver.keys, ephemeral);
    expect(Buffer.from(body).toString("base64url")).toBe(RFC.body);
  });

  it("is not read when a byte was changed, nor by another browser", () => {
    const body = Buffer.from(RFC.body, "base64url");
    for (const at of [0, 30, 90, body.length - 1]) {
      const changed = Buffer.from(body);
      changed[at]! ^= 1;
      expect(() => receiver.open(changed), String(at)).toThrow();
    }
    expect(() => new PushReceiver().open(body)).toThrow();
  });
});

it("each message has its own salt and key, and the longest fits", async () => {
  const receiver = new PushReceiver();
  const long = bytes("€".repeat(MAX_PUSH_BYTES).slice(0, Math.floor(MAX_PUSH_BYTES / 3)));
  const [one, two] = await Promise.all(
    [0, 1].map(async () => Buffer.from(await encryptPush(long, receiver.keys, await newEphemeral()))),
  );
  expect(one!.subarray(0, 86)).not.toEqual(two!.subarray(0, 86));
  for (const body of [one!, two!]) {
    expect(body.length).toBeLessThanOrEqual(4096);
    expect(receiver.open(body)).toEqual(Buffer.from(long));
  }
  await expect(encryptPush(bytes("x".repeat(MAX_PUSH_BYTES + 1)), receiver.keys, await newEphemeral())).rejects.toThrow(
    RangeError,
  );
});
