/**
 * Keyring: the keys that sign access tokens.
 *
 * Owns    the signing key pairs; a private key never leaves this actor, and lies on the disk encrypted (`AUTH_SECRET`).
 * Timers  `rotate`: a new key every 30 days; the old one is published until its last token has expired.
 * RPC     sign, jwks.
 */
import { DurableObject } from "cloudflare:workers";
import { exportJWK, generateKeyPair, importJWK, type JSONWebKeySet, type JWK, SignJWT } from "jose";
import { seal, unseal } from "../../shared/auth/sealing.ts";
import { ACCESS_TTL_S, AUDIENCE, ISSUER } from "../../shared/auth/tokens.ts";
import { parseConfig } from "../../shared/config.ts";
import { newId } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import { DAY_MS, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { migrate } from "../kit/migrate.ts";
import { TIMERS_TABLE, Timers } from "../kit/timers.ts";

const ROTATE_MS = 30 * DAY_MS;
/** A new key is published this long before it signs: those who verify keep the published keys for a minute. */
const PUBLISH_AHEAD_MS = 5 * MINUTE_MS;

const MIGRATIONS = [
  `CREATE TABLE keys (kid TEXT PRIMARY KEY, created_at INTEGER NOT NULL, retires_at INTEGER, private TEXT NOT NULL, public TEXT NOT NULL) WITHOUT ROWID;
   ${TIMERS_TABLE}`,
] as const;

interface KeyRow extends Record<string, SqlStorageValue> {
  kid: string;
  private: string;
  public: string;
}

export class Keyring extends DurableObject {
  readonly #sql: SqlStorage;
  readonly #timers: Timers;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    migrate(ctx.storage, MIGRATIONS);
    this.#timers = new Timers(ctx);
  }

  /** An access token with these claims, valid for `ACCESS_TTL_S`. */
  async sign(subject: string, claims: Record<string, unknown>): Promise<string> {
    const { kid, jwk } = await this.#signing();
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "ES256", kid, typ: "at+jwt" })
      .setSubject(subject)
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setJti(newId("tok"))
      .setIssuedAt()
      .setExpirationTime(`${ACCESS_TTL_S}s`)
      .sign(await importJWK(jwk, "ES256"));
  }

  /** The public keys: the current one and those whose tokens may still live. */
  async jwks(): Promise<JSONWebKeySet> {
    await this.#current();
    const rows = this.#sql.exec<KeyRow>("SELECT kid, private, public FROM keys ORDER BY created_at DESC").toArray();
    return { keys: rows.map((row) => JSON.parse(row.public) as JWK) };
  }

  override async alarm(): Promise<void> {
    const now = Date.now();
    await this.#timers.run(now, async (key) => {
      if (key === "rotate") await this.#create(now);
      this.#sql.exec("DELETE FROM keys WHERE retires_at <= ?", now);
    });
  }

  /** The key to sign with. One that a changed `AUTH_SECRET` cannot open stays published, and another takes its place. */
  async #signing(): Promise<{ kid: string; jwk: JWK }> {
    for (;;) {
      const row = await this.#current();
      // Rows of before there was encryption are plain JSON; rotation ends them.
      const text = row.private.startsWith("{")
        ? row.private
        : await unseal(row.private, row.kid, parseConfig(this.env).AUTH_SECRET);
      if (text !== null) return { kid: row.kid, jwk: JSON.parse(text) as JWK };
      log("error", "signing_key_unreadable", { kid: row.kid });
      this.#sql.exec("UPDATE keys SET private = '' WHERE kid = ? AND private = ?", row.kid, row.private);
    }
  }

  /** The newest key that everybody knows; the newest of all when there is no such key yet. */
  async #current(): Promise<KeyRow> {
    const find = () =>
      this.#sql
        .exec<KeyRow>(
          "SELECT kid, private, public FROM keys WHERE private <> '' ORDER BY created_at > ?, created_at DESC LIMIT 1",
          Date.now() - PUBLISH_AHEAD_MS,
        )
        .toArray()[0];
    const known = find();
    if (known) return known;
    await this.ctx.blockConcurrencyWhile(async () => {
      if (!find()) await this.#create(Date.now());
    });
    return find()!;
  }

  async #create(now: number): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
    const kid = newId("key");
    const common = { kid, alg: "ES256", use: "sig" };
    const plain = JSON.stringify({ ...(await exportJWK(privateKey)), ...common });
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const secret = await seal(plain, kid, parseConfig(this.env).AUTH_SECRET, iv);
    const open = JSON.stringify({ ...(await exportJWK(publicKey)), ...common });
    const retiresAt = now + 2 * ACCESS_TTL_S * SECOND_MS;
    this.ctx.storage.transactionSync(() => {
      this.#sql.exec("UPDATE keys SET retires_at = ? WHERE retires_at IS NULL", retiresAt);
      this.#sql.exec("INSERT INTO keys (kid, created_at, private, public) VALUES (?, ?, ?, ?)", kid, now, secret, open);
    });
    this.#timers.set("retire", retiresAt);
    this.#timers.set("rotate", now + ROTATE_MS);
  }
}
