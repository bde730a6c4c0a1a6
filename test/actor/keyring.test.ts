import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import type { JSONWebKeySet } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Keyring } from "../../objects/keyring/keyring.ts";
import { seal, unseal } from "../../shared/auth/sealing.ts";
import { type KeyAlgorithm, keyIdOf, verifyAccessToken } from "../../shared/auth/tokens.ts";
import { configChanged } from "../../shared/config.ts";
import { DAY_MS, MINUTE_MS } from "../../shared/time.ts";
import { env, setClock, T0, unique } from "./support.ts";

const FORMATS: [KeyAlgorithm, string, string][] = [
  ["ES256", "jwt", "ES256"],
  ["EdDSA", "jwt", "EdDSA"],
  ["v4.public", "paseto", "ES256"],
];

/** What a deploy does: the same storage under other variables. */
function configure(TOKEN_FORMAT: string, TOKEN_ALGORITHM: string): void {
  Object.assign(env, { TOKEN_FORMAT, TOKEN_ALGORITHM });
  configChanged();
}

beforeEach(() => {
  configure("jwt", "ES256");
  setClock(T0);
});
afterEach(() => {
  vi.useRealTimers();
});

const claims = { email: "owner@example.com", storeId: "st_1", role: "store_owner" };

function newRing() {
  const name = unique("keyring");
  const stub = (): DurableObjectStub<Keyring> => env.KEYRING.getByName(name);
  const jwks = async (): Promise<JSONWebKeySet> => (await stub().jwks()) as JSONWebKeySet;
  const sign = async (): Promise<string> => stub().sign("usr_1", claims);
  const ring = async (at: number): Promise<void> => {
    setClock(at);
    await runDurableObjectAlarm(stub());
  };
  return { stub, jwks, sign, ring };
}

describe.each(FORMATS)("the keyring, %s", (alg, format, algorithm) => {
  beforeEach(() => configure(format, algorithm));

  it("signs what its published keys verify", async () => {
    const { jwks, sign } = newRing();
    expect(await verifyAccessToken(await sign(), await jwks())).toMatchObject({ userId: "usr_1", storeId: "st_1" });
  });

  it("publishes public keys and nothing else", async () => {
    const { jwks, sign } = newRing();
    await sign();
    for (const key of (await jwks()).keys) {
      const curve = alg === "ES256" ? { kty: "EC", crv: "P-256" } : { kty: "OKP", crv: "Ed25519" };
      expect(key).toMatchObject({ ...curve, alg, use: "sig", kid: expect.stringMatching(/^key_/) });
      expect(key).not.toHaveProperty("d");
    }
  });

  it("makes one key, however many ask at once", async () => {
    const { jwks, sign } = newRing();
    const tokens = await Promise.all(Array.from({ length: 6 }, () => sign()));
    expect(new Set(tokens.map((token) => keyIdOf(token))).size).toBe(1);
    expect((await jwks()).keys).toHaveLength(1);
  });

  it("sign, evict, sign: the key is the same", async () => {
    const { stub, jwks, sign } = newRing();
    const token = await sign();
    await evictDurableObject(stub());
    expect(await verifyAccessToken(token, await jwks())).not.toBeNull();
    expect(keyIdOf(await sign())).toBe(keyIdOf(token));
  });

  it("a token is good for a quarter of an hour", async () => {
    const { jwks, sign } = newRing();
    const token = await sign();
    setClock(T0 + 15 * MINUTE_MS + 1_000);
    expect(await verifyAccessToken(token, await jwks())).toBeNull();
  });

  it("no two tokens have one id", async () => {
    const { jwks, sign } = newRing();
    const set = await jwks();
    const all = await Promise.all(Array.from({ length: 20 }, async () => verifyAccessToken(await sign(), set)));
    expect(new Set(all.map((principal) => principal!.jti)).size).toBe(20);
  });

  it("another ring's token is forged", async () => {
    const [mine, other] = [newRing(), newRing()];
    expect(await verifyAccessToken(await other.sign(), await mine.jwks())).toBeNull();
  });
});

describe.each(FORMATS)("at rest, %s", (_, format, algorithm) => {
  beforeEach(() => configure(format, algorithm));

  const privates = (stub: DurableObjectStub<Keyring>): Promise<string[]> =>
    runInDurableObject(stub, (_, { storage }) =>
      storage.sql
        .exec<{ private: string }>("SELECT private FROM keys ORDER BY created_at")
        .toArray()
        .map((row) => row.private),
    );
  const store = (stub: DurableObjectStub<Keyring>, text: string): Promise<void> =>
    runInDurableObject(stub, (_, { storage }) => void storage.sql.exec("UPDATE keys SET private = ?", text));

  it("a private key lies on the disk encrypted", async () => {
    const { stub, sign } = newRing();
    await sign();
    const [sealed] = await privates(stub());
    expect(sealed).toMatch(/^s1\.[\w-]{16}\.[\w-]+$/);
    const kid = keyIdOf(await sign())!;
    expect(JSON.parse((await unseal(sealed!, kid, env.AUTH_SECRET))!)).toMatchObject({ kid, d: expect.any(String) });
    expect(await unseal(sealed!, "key_other", env.AUTH_SECRET)).toBeNull();
  });

  it("a row of before there was encryption still signs", async () => {
    const { stub, jwks, sign } = newRing();
    const kid = keyIdOf(await sign())!;
    const [sealed] = await privates(stub());
    await store(stub(), (await unseal(sealed!, kid, env.AUTH_SECRET))!);
    await evictDurableObject(stub());
    const token = await sign();
    expect(keyIdOf(token)).toBe(kid);
    expect(await verifyAccessToken(token, await jwks())).not.toBeNull();
  });

  it("a key that a changed secret cannot open is replaced, and its last tokens stay good", async () => {
    const { stub, jwks, sign } = newRing();
    const before = await sign();
    const kid = keyIdOf(before)!;
    await store(stub(), await seal("{}", kid, "another-secret-than-ours", new Uint8Array(12)));
    const after = await sign();
    expect(keyIdOf(after)).not.toBe(kid);
    for (const token of [before, after, await sign()])
      expect(await verifyAccessToken(token, await jwks())).not.toBeNull();
    expect((await jwks()).keys).toHaveLength(2);
  });
});

describe.each(FORMATS)("rotation, %s", (_, format, algorithm) => {
  beforeEach(() => configure(format, algorithm));

  it("publishes the old key until its last token has expired", async () => {
    const { jwks, sign, ring } = newRing();
    await sign();
    setClock(T0 + 30 * DAY_MS);
    const last = await sign();
    await ring(T0 + 30 * DAY_MS);
    expect((await jwks()).keys).toHaveLength(2);
    setClock(T0 + 30 * DAY_MS + 14 * MINUTE_MS);
    expect(await verifyAccessToken(last, await jwks())).not.toBeNull();
    await ring(T0 + 30 * DAY_MS + 31 * MINUTE_MS);
    expect((await jwks()).keys).toHaveLength(1);
  });

  it("signs with the new key only when those who keep the published keys for a minute know it", async () => {
    const { jwks, sign, ring } = newRing();
    const old = keyIdOf(await sign());
    const at = T0 + 30 * DAY_MS;
    setClock(at);
    const cached = await jwks();
    await ring(at);
    setClock(at + MINUTE_MS - 1);
    expect(await verifyAccessToken(await sign(), cached)).not.toBeNull();
    setClock(at + 10 * MINUTE_MS);
    expect(keyIdOf(await sign())).not.toBe(old);
  });

  it("every token verifies at every moment of many rotations", async () => {
    const { stub, jwks, sign } = newRing();
    await sign();
    let checked = 0;
    for (let at = T0; at < T0 + 65 * DAY_MS; at += 30 * DAY_MS) {
      for (const minute of [-16, -14, -1, 0, 1, 4, 6, 14, 20, 29, 31, 45]) {
        setClock(at + minute * MINUTE_MS);
        await runDurableObjectAlarm(stub());
        const token = await sign();
        expect(await verifyAccessToken(token, await jwks())).not.toBeNull();
        setClock(at + (minute + 14) * MINUTE_MS);
        expect(await verifyAccessToken(token, await jwks()), `minute ${minute}`).not.toBeNull();
        checked += 1;
      }
    }
    expect(checked).toBe(36);
  });
});

describe("alarms", () => {
  it("that ring twice, or with nothing due, make one key", async () => {
    const { stub, jwks, sign, ring } = newRing();
    await sign();
    await runDurableObjectAlarm(stub());
    expect((await jwks()).keys).toHaveLength(1);
    await ring(T0 + 30 * DAY_MS);
    await runDurableObjectAlarm(stub());
    await evictDurableObject(stub());
    await runDurableObjectAlarm(stub());
    expect((await jwks()).keys).toHaveLength(2);
  });

  it("that ring weeks late: the old key signs until then, and its tokens live", async () => {
    const { jwks, sign, ring } = newRing();
    const old = keyIdOf(await sign());
    const late = T0 + 70 * DAY_MS;
    setClock(late - 1);
    const last = await sign();
    expect(keyIdOf(last)).toBe(old);
    await ring(late);
    expect(await verifyAccessToken(last, await jwks())).not.toBeNull();
    setClock(late + 6 * MINUTE_MS);
    expect(keyIdOf(await sign())).not.toBe(old);
  });

  it("that never ring again publish no key that is past its time", async () => {
    const { jwks, sign, ring } = newRing();
    const old = keyIdOf(await sign());
    await ring(T0 + 30 * DAY_MS);
    setClock(T0 + 30 * DAY_MS + 31 * MINUTE_MS);
    const published = (await jwks()).keys.map((key) => key.kid);
    expect(published).toHaveLength(1);
    expect(published).not.toContain(old);
  });
});

const CHANGES = FORMATS.flatMap((from) => FORMATS.filter((to) => to !== from).map((to) => ({ from, to })));

describe.each(CHANGES)("a change from $from.0 to $to.0", ({ from, to }) => {
  it("takes effect at once for new tokens, and old ones live until they expire", async () => {
    const { stub, jwks, sign, ring } = newRing();
    configure(from[1], from[2]);
    const old = await sign();
    const cached = await jwks();
    configure(to[1], to[2]);
    await evictDurableObject(stub());
    const fresh = await sign();
    expect(fresh.startsWith("v4.public.")).toBe(to[1] === "paseto");
    expect(keyIdOf(fresh)).not.toBe(keyIdOf(old));
    expect((await jwks()).keys.map((key) => key.alg)).toEqual(expect.arrayContaining([from[0], to[0]]));
    for (const token of [old, fresh]) expect(await verifyAccessToken(token, await jwks())).not.toBeNull();
    expect(await verifyAccessToken(fresh, cached), "unknown to those who have not asked again").toBeNull();
    setClock(T0 + 14 * MINUTE_MS);
    expect(await verifyAccessToken(old, await jwks())).not.toBeNull();
    await ring(T0 + 31 * MINUTE_MS);
    expect((await jwks()).keys.map((key) => key.alg)).toEqual([to[0]]);
    await ring(T0 + 30 * DAY_MS);
    setClock(T0 + 30 * DAY_MS + 6 * MINUTE_MS);
    expect((await jwks()).keys.map((key) => key.alg)).toEqual([to[0], to[0]]);
    expect(await verifyAccessToken(await sign(), await jwks())).not.toBeNull();
  });

  it("and back, again and again, loses no token and keeps few keys", async () => {
    const { jwks, sign, ring } = newRing();
    const live: { token: string; until: number }[] = [];
    for (let minute = 0; minute <= 90; minute += 3) {
      const [, format, algorithm] = minute % 2 ? from : to;
      configure(format, algorithm);
      await ring(T0 + minute * MINUTE_MS);
      live.push({ token: await sign(), until: minute + 15 });
      const keys = await jwks();
      for (const { token } of live.filter(({ until }) => until > minute))
        expect(await verifyAccessToken(token, keys), `minute ${minute}`).not.toBeNull();
      expect(keys.keys.length).toBeLessThanOrEqual(6);
    }
    configure(from[1], from[2]);
    await ring(T0 + 200 * MINUTE_MS);
    await sign();
    await ring(T0 + 300 * MINUTE_MS);
    expect((await jwks()).keys).toHaveLength(1);
  });
});

describe("a keyring of before there were other algorithms", () => {
  it("keeps its key, which is one for ES256", async () => {
    const { stub, jwks, sign } = newRing();
    const before = await sign();
    await runInDurableObject(stub(), (_, { storage }) => {
      storage.sql.exec("ALTER TABLE keys DROP COLUMN alg");
      storage.sql.exec("DELETE FROM _migrations WHERE id = 1");
    });
    await evictDurableObject(stub());
    expect(keyIdOf(await sign())).toBe(keyIdOf(before));
    expect((await jwks()).keys).toHaveLength(1);
  });
});
