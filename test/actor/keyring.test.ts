import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { decodeProtectedHeader, type JSONWebKeySet } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Keyring } from "../../objects/keyring/keyring.ts";
import { seal, unseal } from "../../shared/auth/sealing.ts";
import { verifyAccessToken } from "../../shared/auth/tokens.ts";
import { DAY_MS, MINUTE_MS } from "../../shared/time.ts";
import { env, setClock, T0, unique } from "./support.ts";

beforeEach(() => setClock(T0));
afterEach(() => {
  vi.useRealTimers();
});

const claims = { email: "owner@example.com", storeId: "st_1", role: "store_owner" };

function newRing() {
  const name = unique("keyring");
  const stub = (): DurableObjectStub<Keyring> => env.KEYRING.getByName(name);
  const jwks = async (): Promise<JSONWebKeySet> => (await stub().jwks()) as JSONWebKeySet;
  const sign = async (): Promise<string> => stub().sign("access", "usr_1", claims);
  const ring = async (at: number): Promise<void> => {
    setClock(at);
    await runDurableObjectAlarm(stub());
  };
  return { stub, jwks, sign, ring };
}

describe("the keyring", () => {
  it("signs what its published keys verify", async () => {
    const { jwks, sign } = newRing();
    expect(await verifyAccessToken(await sign(), await jwks())).toMatchObject({ userId: "usr_1", storeId: "st_1" });
  });

  it("publishes public keys and nothing else", async () => {
    const { jwks, sign } = newRing();
    await sign();
    for (const key of (await jwks()).keys) {
      expect(key).toMatchObject({ kty: "EC", crv: "P-256", alg: "ES256", use: "sig" });
      expect(key).not.toHaveProperty("d");
    }
  });

  it("makes one key, however many ask at once", async () => {
    const { jwks, sign } = newRing();
    const tokens = await Promise.all(Array.from({ length: 6 }, () => sign()));
    expect(new Set(tokens.map((token) => decodeProtectedHeader(token).kid)).size).toBe(1);
    expect((await jwks()).keys).toHaveLength(1);
  });

  it("sign, evict, sign: the key is the same", async () => {
    const { stub, jwks, sign } = newRing();
    const token = await sign();
    await evictDurableObject(stub());
    expect(await verifyAccessToken(token, await jwks())).not.toBeNull();
    expect(decodeProtectedHeader(await sign()).kid).toBe(decodeProtectedHeader(token).kid);
  });

  it("a token is good for a quarter of an hour", async () => {
    const { jwks, sign } = newRing();
    const token = await sign();
    setClock(T0 + 15 * MINUTE_MS + 1_000);
    expect(await verifyAccessToken(token, await jwks())).toBeNull();
  });

  it("another ring's token is forged", async () => {
    const [mine, other] = [newRing(), newRing()];
    expect(await verifyAccessToken(await other.sign(), await mine.jwks())).toBeNull();
  });
});

describe("at rest", () => {
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
    const kid = decodeProtectedHeader(await sign()).kid!;
    expect(JSON.parse((await unseal(sealed!, kid, env.AUTH_SECRET))!)).toMatchObject({ kid, d: expect.any(String) });
    expect(await unseal(sealed!, "key_other", env.AUTH_SECRET)).toBeNull();
  });

  it("a row of before there was encryption still signs", async () => {
    const { stub, jwks, sign } = newRing();
    const kid = decodeProtectedHeader(await sign()).kid!;
    const [sealed] = await privates(stub());
    await store(stub(), (await unseal(sealed!, kid, env.AUTH_SECRET))!);
    await evictDurableObject(stub());
    const token = await sign();
    expect(decodeProtectedHeader(token).kid).toBe(kid);
    expect(await verifyAccessToken(token, await jwks())).not.toBeNull();
  });

  it("a key that a changed secret cannot open is replaced, and its last tokens stay good", async () => {
    const { stub, jwks, sign } = newRing();
    const before = await sign();
    const kid = decodeProtectedHeader(before).kid!;
    await store(stub(), await seal("{}", kid, "another-secret-than-ours", new Uint8Array(12)));
    const after = await sign();
    expect(decodeProtectedHeader(after).kid).not.toBe(kid);
    for (const token of [before, after, await sign()])
      expect(await verifyAccessToken(token, await jwks())).not.toBeNull();
    expect((await jwks()).keys).toHaveLength(2);
  });
});

describe("rotation", () => {
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
    const old = decodeProtectedHeader(await sign()).kid;
    const at = T0 + 30 * DAY_MS;
    setClock(at);
    const cached = await jwks();
    await ring(at);
    setClock(at + MINUTE_MS - 1);
    expect(await verifyAccessToken(await sign(), cached)).not.toBeNull();
    setClock(at + 10 * MINUTE_MS);
    expect(decodeProtectedHeader(await sign()).kid).not.toBe(old);
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
