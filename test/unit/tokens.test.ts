import { createHmac } from "node:crypto";
import { exportJWK, generateKeyPair, type JSONWebKeySet, type JWK, SignJWT, UnsecuredJWT } from "jose";
import { sign as pasetoSign, verify as pasetoVerify } from "paseto-ts/v4";
import { beforeAll, describe, expect, it } from "vitest";
import { createPair, signToken } from "../../objects/keyring/keys.ts";
import { KeyCache, RETRY_MS } from "../../shared/auth/key-cache.ts";
import {
  type Claims,
  importKey,
  KEY_ALGORITHMS,
  type KeyAlgorithm,
  keyIdOf,
  verifyAccessToken,
} from "../../shared/auth/tokens.ts";

const NOW = Date.UTC(2031, 4, 6, 10, 0, 0, 250);
const SECONDS = Math.floor(NOW / 1000);
const OWN = { email: "owner@example.com", storeId: "st_1", role: "store_owner", sid: "fam_1" };

/** One key of each algorithm, all of them published together. */
const keys = new Map<KeyAlgorithm, { kid: string; open: JWK; secret: JWK }>();
const jwks: JSONWebKeySet = { keys: [] };
const kidOf = (alg: KeyAlgorithm): string => `key_${alg.toLowerCase().replace(/\W/g, "").padEnd(20, "0")}`;

beforeAll(async () => {
  for (const alg of KEY_ALGORITHMS) {
    const kid = kidOf(alg);
    const pair = await createPair(alg, kid);
    keys.set(alg, { kid, ...pair });
    jwks.keys.push(pair.open);
  }
});

const sign = (alg: KeyAlgorithm, over: Claims = {}, now = NOW): Promise<string> => {
  const { kid, secret } = keys.get(alg)!;
  return signToken(secret, alg, kid, { subject: "us_1", claims: { ...OWN, ...over }, jti: "tok_1", now });
};

const FULL: Claims = {
  ...OWN,
  iss: "cartwake",
  aud: "cartwake-api",
  sub: "us_1",
  jti: "tok_1",
  iat: SECONDS,
  exp: SECONDS + 900,
  ims: NOW,
};
const without = (name: string): Claims => Object.fromEntries(Object.entries(FULL).filter(([key]) => key !== name));

const encode = (value: unknown): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const flipped = (text: string, at: number): string =>
  text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);

/** A JWT signed over exactly this header, which no library would write. */
async function jwt(alg: "ES256" | "EdDSA", header: unknown, claims: unknown = FULL, key?: JWK): Promise<string> {
  const secret = await importKey(key ?? keys.get(alg)!.secret, alg);
  const text = `${encode(header)}.${encode(claims)}`;
  const how = alg === "ES256" ? { name: "ECDSA", hash: "SHA-256" } : "Ed25519";
  return `${text}.${Buffer.from(await crypto.subtle.sign(how, secret, Buffer.from(text))).toString("base64url")}`;
}
const headerOf = (alg: KeyAlgorithm) => ({ alg, kid: kidOf(alg), typ: "at+jwt" });

/** A PASETO by another implementation than ours, with anything in it. */
function paseto(claims: Claims, options: { footer?: string; assertion?: string; key?: JWK } = {}): string {
  const { d, x } = options.key ?? keys.get("v4.public")!.secret;
  const pair = Buffer.concat([Buffer.from(d!, "base64url"), Buffer.from(x!, "base64url")]);
  const { footer = JSON.stringify({ kid: kidOf("v4.public") }), assertion = "cartwake-api" } = options;
  const time = (value: unknown) => (typeof value === "number" ? new Date(value * 1000).toISOString() : value);
  return pasetoSign(
    `k4.secret.${pair.toString("base64url")}`,
    JSON.stringify({ ...claims, iat: time(claims.iat), exp: time(claims.exp) }),
    { footer, assertion, addExp: false, addIat: false, validatePayload: false },
  );
}

describe.each(KEY_ALGORITHMS)("an access token by %s", (alg) => {
  /** A token with these claims and no others, properly signed. */
  const made = (claims: Claims): Promise<string> =>
    alg === "v4.public" ? Promise.resolve(paseto(claims)) : jwt(alg, headerOf(alg), claims);

  it("gives its principal; permissions are the role's, whatever the token says", async () => {
    for (const token of [await sign(alg), await made({ ...FULL, permissions: ["everything"] })])
      expect(await verifyAccessToken(token, jwks, NOW)).toEqual({
        kind: "user",
        userId: "us_1",
        email: "owner@example.com",
        storeId: "st_1",
        role: "store_owner",
        permissions: expect.not.arrayContaining(["everything"]),
        expiresAt: SECONDS + 900,
        jti: "tok_1",
        issuedAt: NOW,
        sessionId: "fam_1",
      });
  });

  it("cannot be given other registered claims by who asks for it", async () => {
    const token = await sign(alg, { sub: "us_2", exp: SECONDS * 2, aud: "x", iss: "y", jti: "z", ims: 0, iat: 0 });
    expect(await verifyAccessToken(token, jwks, NOW)).toMatchObject({
      userId: "us_1",
      jti: "tok_1",
      issuedAt: NOW,
      expiresAt: SECONDS + 900,
    });
  });

  it("is good from its issue until its last second", async () => {
    const token = await sign(alg);
    const at = (ms: number) => verifyAccessToken(token, jwks, NOW + ms);
    expect(await at(-59_000)).not.toBeNull();
    expect(await at(899_000)).not.toBeNull();
    expect(await at(900_000)).toBeNull();
    expect(await at(-61_000)).toBeNull();
  });

  it.each<[string, Claims]>([
    ["of another issuer", { ...FULL, iss: "another" }],
    ["of no issuer", without("iss")],
    ["for another audience", { ...FULL, aud: "another-api" }],
    ["for two audiences", { ...FULL, aud: ["cartwake-api", "another-api"] }],
    ["for another service of ours", { ...FULL, aud: "cartwake-other" }],
    ["for nobody", without("aud")],
    ["without an expiry", without("exp")],
    ["with an expiry that is no time", { ...FULL, exp: "never" }],
    ["that lives too long", { ...FULL, exp: SECONDS + 901 }],
    ["expired", { ...FULL, iat: SECONDS - 900, ims: (SECONDS - 900) * 1000, exp: SECONDS }],
    ["of the far future", { ...FULL, iat: SECONDS + 3600, ims: (SECONDS + 3600) * 1000, exp: SECONDS + 4000 }],
    ["without a time of issue", without("iat")],
    ["without it in milliseconds", without("ims")],
    ["with two times of issue", { ...FULL, ims: NOW + 5000 }],
    ["without an id", without("jti")],
    ["without a subject", without("sub")],
    ["with an empty subject", { ...FULL, sub: "" }],
    ["with a numeric subject", { ...FULL, sub: 1 }],
    ["without a store", without("storeId")],
    ["with a numeric store", { ...FULL, storeId: 1 }],
    ["without an address", without("email")],
    ["with an unknown role", { ...FULL, role: "root" }],
    ["with a role of the prototype", { ...FULL, role: "constructor" }],
    ["with a session that is no text", { ...FULL, sid: { $ne: null } }],
  ])("%s is refused, though properly signed", async (_, claims) => {
    expect(await verifyAccessToken(await made(FULL), jwks, NOW), "the test's own tokens are good").not.toBeNull();
    expect(await verifyAccessToken(await made(claims), jwks, NOW)).toBeNull();
  });

  it("with one bit changed anywhere is refused", async () => {
    const token = await sign(alg);
    for (let at = 0; at < token.length; at += 7) {
      const spoilt = flipped(token, at);
      // The last character of a part may hold bits that count for nothing.
      if (token[at] === "." || token[at + 1] === "." || at === token.length - 1) continue;
      expect(await verifyAccessToken(spoilt, jwks, NOW), `character ${at}`).toBeNull();
    }
  });

  it("with parts missing, added, or too many characters is refused", async () => {
    const token = await sign(alg);
    const parts = token.split(".");
    const bad = [
      ...parts.map((_, i) => parts.filter((_, j) => j !== i).join(".")),
      ...parts.map((_, i) => parts.map((part, j) => (i === j ? "" : part)).join(".")),
      `${token}.`,
      `.${token}`,
      `${token}.${parts[0]}`,
      ` ${token}`,
      `${token}=`,
      `${token}${".".repeat(5000)}`,
      await sign(alg, { padding: "x".repeat(4096) }),
      "",
      "garbage",
      "....",
      "v4.public..",
      "v4.public.AAAA.AAAA",
    ];
    for (const text of bad) expect(await verifyAccessToken(text, jwks, NOW), text.slice(0, 60)).toBeNull();
  });

  it("by a stranger's key under our key id is refused", async () => {
    const { secret } = await createPair(alg, kidOf(alg));
    const jti = { subject: "us_1", claims: OWN, jti: "tok_1", now: NOW } as const;
    expect(await verifyAccessToken(await signToken(secret, alg, kidOf(alg), jti), jwks, NOW)).toBeNull();
  });

  it("is not one under a key that is published for something else, or for nothing", async () => {
    const { open } = keys.get(alg)!;
    const token = await sign(alg);
    expect(await verifyAccessToken(token, { keys: [open] }, NOW)).not.toBeNull();
    for (const other of [alg === "EdDSA" ? "v4.public" : "EdDSA", "HS256", "none", undefined]) {
      if (alg === "ES256" && other === "EdDSA") continue; // another curve: such a key set is no key set
      expect(await verifyAccessToken(token, { keys: [{ ...open, alg: other }] }, NOW), other).toBeNull();
    }
  });

  it("names its key", async () => {
    expect(keyIdOf(await sign(alg))).toBe(kidOf(alg));
  });
});

describe.each(["ES256", "EdDSA"] as const)("the header of a JWT by %s", (alg) => {
  const good = () => headerOf(alg);
  it.each<[string, (open: JWK) => unknown]>([
    ["crit", () => ({ ...good(), crit: ["exp"], exp: 1 })],
    ["jwk", (open) => ({ ...good(), jwk: open })],
    ["jku", () => ({ ...good(), jku: "https://evil.example/jwks.json" })],
    ["x5u", () => ({ ...good(), x5u: "https://evil.example/x5u" })],
    ["x5c", () => ({ ...good(), x5c: ["AAAA"] })],
    ["b64", () => ({ ...good(), b64: true, crit: ["b64"] })],
    ["zip", () => ({ ...good(), zip: "DEF" })],
    ["an unknown member", () => ({ ...good(), hello: 1 })],
    ["alg twice", () => `{"alg":"none","alg":"${alg}","kid":"${kidOf(alg)}","typ":"at+jwt"}`],
    ["kid twice", () => `{"alg":"${alg}","kid":"key_x","kid":"${kidOf(alg)}","typ":"at+jwt"}`],
    ["another typ", () => ({ ...good(), typ: "JWT" })],
    ["another typ", () => ({ ...good(), typ: "other+jwt" })],
    ["no typ", () => ({ alg, kid: kidOf(alg) })],
    ["no kid", () => ({ alg, typ: "at+jwt" })],
    ["a kid that is a list", () => ({ ...good(), kid: [kidOf(alg)] })],
    ["alg none", () => ({ ...good(), alg: "none" })],
    ["another alg", () => ({ ...good(), alg: "ES384" })],
    ["nothing in it", () => ({})],
    ["null", () => null],
  ])("with %s is refused, though properly signed", async (_, header) => {
    const token = await jwt(alg, header(keys.get(alg)!.open));
    expect(await verifyAccessToken(await jwt(alg, good()), jwks, NOW), "the same, unspoilt").not.toBeNull();
    expect(await verifyAccessToken(token, jwks, NOW)).toBeNull();
  });

  it("may not ask for no signature, nor for one that everybody can make", async () => {
    const { open, kid } = keys.get(alg)!;
    const unsigned = new UnsecuredJWT(FULL).encode();
    const body = encode(FULL);
    const hmac = (secret: string) => {
      const text = `${encode({ alg: "HS256", kid, typ: "at+jwt" })}.${body}`;
      return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
    };
    const library = await new SignJWT(FULL)
      .setProtectedHeader({ alg: "HS256", kid, typ: "at+jwt" })
      .sign(Buffer.from(open.x!, "base64url"));
    const own = await exportJWK((await generateKeyPair("ES256", { extractable: true })).privateKey);
    for (const token of [
      unsigned,
      `${encode({ ...good(), alg: "none" })}.${body}.`,
      `${encode(good())}.${body}.`,
      hmac(JSON.stringify(open)),
      hmac(open.x!),
      library,
      await jwt("ES256", { alg: "ES256", jwk: own, typ: "at+jwt" }, FULL, own),
    ])
      expect(await verifyAccessToken(token, jwks, NOW), token.slice(0, 40)).toBeNull();
  });
});

describe("the two that share a curve", () => {
  it.each([
    ["EdDSA", "v4.public"],
    ["v4.public", "EdDSA"],
  ] as const)("a key made for %s signs no %s", async (own, other) => {
    const { kid, open, secret } = keys.get(own)!;
    const token = await signToken(secret, other, kid, {
      subject: "us_1",
      claims: OWN,
      jti: "tok_1",
      now: NOW,
    });
    expect(await verifyAccessToken(token, { keys: [{ ...open, alg: other }] }, NOW), "good in itself").not.toBeNull();
    expect(await verifyAccessToken(token, jwks, NOW)).toBeNull();
  });
});

describe("a PASETO", () => {
  it("is one to another implementation, under its implicit assertion", async () => {
    const { open } = keys.get("v4.public")!;
    const token = await sign("v4.public");
    const read = (assertion: string) =>
      pasetoVerify(`k4.public.${open.x}`, token, { assertion, validatePayload: false });
    expect(read("cartwake-api")).toMatchObject({
      payload: { sub: "us_1", aud: "cartwake-api", iat: "2031-05-06T10:00:00.000Z", exp: "2031-05-06T10:15:00.000Z" },
      footer: { kid: kidOf("v4.public") },
    });
    expect(() => read("")).toThrow();
    expect(() => read("cartwake-other")).toThrow();
  });

  it.each<[string, () => string]>([
    ["no footer", () => paseto(FULL, { footer: "" })],
    ["another key's id in its footer", () => paseto(FULL, { footer: JSON.stringify({ kid: kidOf("EdDSA") }) })],
    ["more in its footer", () => paseto(FULL, { footer: JSON.stringify({ kid: kidOf("v4.public"), wpk: "x" }) })],
    ["the same footer written otherwise", () => paseto(FULL, { footer: `{ "kid":"${kidOf("v4.public")}"}` })],
    ["no assertion", () => paseto(FULL, { assertion: "" })],
    ["another assertion", () => paseto(FULL, { assertion: "cartwake-other" })],
    ["another version", () => paseto(FULL).replace("v4.", "v3.")],
    ["another purpose", () => paseto(FULL).replace(".public.", ".local.")],
    ["times in seconds", () => paseto({ ...FULL, iat: [SECONDS], exp: [SECONDS + 900] })],
    ["a JWT key's signature", () => paseto(FULL, { key: keys.get("EdDSA")!.secret })],
  ])("with %s is refused", async (_, spoilt) => {
    expect(await verifyAccessToken(paseto(FULL), jwks, NOW), "the same, unspoilt").not.toBeNull();
    expect(await verifyAccessToken(spoilt(), jwks, NOW)).toBeNull();
  });
});

describe("the remembered keys", () => {
  const unknown = (n: number) => `${encode({ alg: "ES256", kid: `key_${String(n).padStart(20, "0")}` })}.e30.AAAA`;
  const ring = () => {
    const set = { keys: [...jwks.keys] };
    const state = { asked: 0, broken: false, set };
    const ask = async () => {
      state.asked += 1;
      if (state.broken) throw new Error("the keyring is away");
      return { keys: [...state.set.keys] };
    };
    return { state, ask, cache: new KeyCache() };
  };

  it("are asked for once a minute, and by one caller of many", async () => {
    const { state, ask, cache } = ring();
    await cache.current(ask, 0);
    for (let ms = 0; ms < 60_000; ms += 1000) await cache.current(ask, ms);
    expect(state.asked).toBe(1);
    await Promise.all(Array.from({ length: 50 }, () => cache.current(ask, 60_000)));
    expect(state.asked).toBe(2);
  });

  it("made-up key ids do not become calls", async () => {
    const { state, ask, cache } = ring();
    for (let i = 0; i < 6_000; i++) await cache.forToken(unknown(i), ask, i * 5);
    expect(state.asked).toBeLessThanOrEqual(30_000 / RETRY_MS + 1);
    for (const text of ["", "x", "a.b.c", "....", `${encode(null)}.a.b`, `${encode({ kid: 7 })}.a.b`])
      await cache.forToken(text, ask, 60_000 - 1);
    expect(state.asked).toBeLessThanOrEqual(30_000 / RETRY_MS + 1);
  });

  it("a key nobody knew is asked for at once, by one of all who bring its tokens", async () => {
    const { state, ask, cache } = ring();
    state.set.keys = jwks.keys.slice(1);
    await cache.current(ask, 0);
    state.set.keys = jwks.keys;
    const token = await sign("ES256");
    const got = await Promise.all(Array.from({ length: 50 }, () => cache.forToken(token, ask, RETRY_MS)));
    for (const set of got) expect(await verifyAccessToken(token, set, NOW)).not.toBeNull();
    expect(state.asked).toBe(2);
  });

  it("serve on while the keyring is away, and a first call says that it is", async () => {
    const { state, ask, cache } = ring();
    state.broken = true;
    await expect(cache.current(ask, 0)).rejects.toThrow("away");
    state.broken = false;
    expect((await cache.current(ask, 1)).keys).toHaveLength(3);
    state.broken = true;
    expect((await cache.current(ask, 100_000)).keys).toHaveLength(3);
    await expect(cache.fresh(ask, 100_000)).rejects.toThrow("away");
  });
});
