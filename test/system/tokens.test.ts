import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { createVerifier } from "fast-jwt";
import { createLocalJWKSet, decodeProtectedHeader, type JWK, jwtVerify } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { LiveSocket } from "../support/live.ts";
import { http, Merchant } from "../support/merchant.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

/* Clients that know the published keys and the documented claims, and none of the product's code. */

const keysOf = async (url: string): Promise<JWK[]> =>
  (await http<{ keys: JWK[] }>(`${url}/.well-known/jwks.json`)).body.keys;
const publicKey = (jwk: JWK): KeyObject => createPublicKey({ key: { ...jwk }, format: "jwk" });
const flipped = (text: string, at: number): string =>
  text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);

const CLAIMS = {
  sub: expect.stringMatching(/^us_/),
  email: expect.stringContaining("@merchant.example"),
  role: "store_owner",
  jti: expect.stringMatching(/^tok_/),
  sid: expect.stringMatching(/^fam_/),
  iss: "cartwake",
  aud: "cartwake-api",
  ims: expect.any(Number),
};

/** The pre-authentication encoding, after the specification's text alone: a count, then each piece after its length. */
function pae(...pieces: Buffer[]): Buffer {
  const le64 = (n: number): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32LE(n);
    return bytes;
  };
  return Buffer.concat([le64(pieces.length), ...pieces.flatMap((piece) => [le64(piece.length), piece])]);
}

/** The claims of a genuine PASETO v4.public, or `null`. */
function openPaseto(token: string, key: KeyObject, assertion: string): Record<string, unknown> | null {
  const [version, purpose, body = "", footer = ""] = token.split(".");
  const bytes = Buffer.from(body, "base64url");
  const message = bytes.subarray(0, -64);
  const signed = pae(
    Buffer.from(`${version}.${purpose}.`),
    message,
    Buffer.from(footer, "base64url"),
    Buffer.from(assertion),
  );
  return verify(null, signed, key, bytes.subarray(-64)) ? JSON.parse(message.toString()) : null;
}

interface Session {
  accessToken: string;
  refreshToken: string;
}

describe.each([
  ["jwt", "ES256"],
  ["jwt", "EdDSA"],
  ["paseto", "v4.public"],
])("a server with %s tokens, %s", (format, alg) => {
  let system: System;
  let merchant: Merchant;

  beforeAll(async () => {
    const vars: Record<string, string> = { TOKEN_FORMAT: format };
    if (format === "jwt") vars.TOKEN_ALGORITHM = alg;
    system = await startSystem({ vars });
    merchant = await Merchant.register(system.url);
  });
  afterEach(() => expect(unexpectedIn(system.logs())).toEqual([]));
  afterAll(() => system?.stop());

  const me = (token: string) => http(`${system.url}/auth/me`, { headers: { authorization: `Bearer ${token}` } });

  test("its tokens are good to other libraries that have only the published keys", async () => {
    const { accessToken } = merchant.account;
    const keys = await keysOf(system.url);
    expect(keys).toEqual([expect.objectContaining({ alg, use: "sig" })]);
    expect(keys[0]).not.toHaveProperty("d");
    if (format === "paseto") {
      const claims = openPaseto(accessToken, publicKey(keys[0]!), "cartwake-api")!;
      expect(claims).toMatchObject({ ...CLAIMS, storeId: merchant.account.storeId });
      expect(Date.parse(String(claims.exp)) - Date.parse(String(claims.iat))).toBe(900_000);
      expect(openPaseto(accessToken, publicKey(keys[0]!), "")).toBeNull();
      expect(openPaseto(flipped(accessToken, 40), publicKey(keys[0]!), "cartwake-api")).toBeNull();
      expect(JSON.parse(Buffer.from(accessToken.split(".")[3]!, "base64url").toString())).toEqual({
        kid: keys[0]!.kid,
      });
      return;
    }
    const { payload, protectedHeader } = await jwtVerify(accessToken, createLocalJWKSet({ keys }), {
      issuer: "cartwake",
      audience: "cartwake-api",
      typ: "at+jwt",
      requiredClaims: ["exp", "iat", "sub", "jti"],
    });
    expect(protectedHeader).toEqual({ alg, typ: "at+jwt", kid: keys[0]!.kid });
    expect(payload).toMatchObject({ ...CLAIMS, storeId: merchant.account.storeId });
    expect(payload.exp! - payload.iat!).toBe(900);
    const pem = publicKey(keys[0]!).export({ type: "spki", format: "pem" }).toString();
    const second = createVerifier({
      key: pem,
      algorithms: [alg as "ES256"],
      allowedIss: "cartwake",
      allowedAud: "cartwake-api",
      checkTyp: "at+jwt",
    });
    expect(second(accessToken)).toEqual(payload);
    expect(() => second(flipped(accessToken, accessToken.length - 20))).toThrow();
  });

  test("log in, me, refresh: each token has an id of its own, the session keeps its", async () => {
    const { email, password } = merchant.account;
    const login = await http<Session>(`${system.url}/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email, password }),
    });
    expect(login.status).toBe(200);
    const refreshed = await http<Session>(`${system.url}/auth/refresh`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ refreshToken: login.body.refreshToken }),
    });
    const claims = [login, refreshed].map(({ body: { accessToken } }) => {
      const part = Buffer.from(accessToken.split(".")[format === "paseto" ? 2 : 1]!, "base64url");
      const text = format === "paseto" ? part.subarray(0, -64) : part;
      return JSON.parse(text.toString()) as Record<string, unknown>;
    });
    for (const { body } of [login, refreshed]) expect((await me(body.accessToken)).body).toMatchObject({ email });
    expect(claims[0]!.jti).not.toBe(claims[1]!.jti);
    expect(claims[0]!.sid).toBe(claims[1]!.sid);
  });

  test("tampered tokens are refused, over HTTP and by sockets", async () => {
    const { accessToken } = merchant.account;
    const spoilt = [
      flipped(accessToken, 30),
      flipped(accessToken, Math.floor(accessToken.length / 2)),
      accessToken.slice(0, -4),
      `${accessToken}.e30`,
      accessToken.slice(accessToken.indexOf(".") + 1),
    ];
    for (const token of spoilt) expectProblem(await me(token), "UNAUTHORIZED");
    const socket = await LiveSocket.open(system.url);
    socket.send("authenticate", { token: spoilt[1] });
    await expect.poll(() => socket.closed?.code).toBe(4401);
    const good = await LiveSocket.listen(system.url, accessToken, "frame", []);
    expect(good.closed).toBeNull();
    good.close();
  });
});

test("a server that is started again with another format takes the tokens of the one before", async () => {
  const vars = { TOKEN_FORMAT: "jwt" };
  const system = await startSystem({ vars });
  try {
    const { account } = await Merchant.register(system.url);
    const me = async (token: string) =>
      (await http(`${system.url}/auth/me`, { headers: { authorization: `Bearer ${token}` } })).status;
    expect(decodeProtectedHeader(account.accessToken).alg).toBe("ES256");
    await system.kill9();
    vars.TOKEN_FORMAT = "paseto";
    await system.restart();
    expect(await me(account.accessToken)).toBe(200);
    const { body } = await http<Session>(`${system.url}/auth/refresh`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ refreshToken: account.refreshToken }),
    });
    expect(body.accessToken).toMatch(/^v4\.public\./);
    expect([await me(body.accessToken), await me(account.accessToken)]).toEqual([200, 200]);
    expect((await keysOf(system.url)).map((key) => key.alg)).toEqual(["v4.public", "ES256"]);
    expect(unexpectedIn(system.logs())).toEqual([]);
  } finally {
    await system.stop();
  }
});
