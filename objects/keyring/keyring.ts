/**
 * Keyring: the keys that sign tokens.
 *
 * Owns    the signing key pairs, each of one algorithm; a private key never leaves this actor, and lies on the disk
 *         encrypted (`AUTH_SECRET`).
 * Timers  `rotate`: a new key every 30 days; the old one is published until its last token has expired (`retire`).
 * RPC     sign, jwks.
 */
import { DurableObject } from "cloudflare:workers";
import type { JSONWebKeySet, JWK } from "jose";
import { seal, unseal } from "../../shared/auth/sealing.ts";
import { ACCESS_TTL_S, type Claims, type KeyAlgorithm } from "../../shared/auth/tokens.ts";
import { parseConfig } from "../../shared/config.ts";
import { newId } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import { DAY_MS, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { migrate } from "../kit/migrate.ts";
import { TIMERS_TABLE, Timers } from "../kit/timers.ts";
import { algorithmOf, createPair, signToken } from "./keys.ts";

const ROTATE_MS = 30 * DAY_MS;
/** A new key is published this long before it signs: those who verify keep the published keys for a minute. */
const PUBLISH_AHEAD_MS = 5 * MINUTE_MS;
/** The longest that any token lives. */
const TOKEN_MS = ACCESS_TTL_S * SECOND_MS;
/** A key that has a successor is published this long: time for the successor to be known, and for its last tokens. */
const RETIRE_MS = 2 * TOKEN_MS;

const MIGRATIONS = [
  `CREATE TABLE keys (kid TEXT PRIMARY KEY, created_at INTEGER NOT NULL, retires_at INTEGER, private TEXT NOT NULL, public TEXT NOT NULL) WITHOUT ROWID;
   ${TIMERS_TABLE}`,
  "ALTER TABLE keys ADD COLUMN alg TEXT NOT NULL DEFAULT 'ES256'",
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

  /** An access token with these claims, in the configured format, good for a quarter of an hour. */
  async sign(subject: string, claims: Claims): Promise<string> {
    const alg = this.#algorithm;
    const { kid, jwk } = await this.#signing(alg);
    return signToken(jwk, alg, kid, { subject, claims, jti: newId("tok"), now: Date.now() });
  }

  /** The public keys: the current one, the coming one, and those whose tokens may still live, of whatever format. */
  async jwks(): Promise<JSONWebKeySet> {
    await this.#current(this.#algorithm);
    const rows = this.#sql
      .exec<KeyRow>(
        "SELECT kid, private, public FROM keys WHERE retires_at IS NULL OR retires_at > ? ORDER BY created_at DESC",
        Date.now(),
      )
      .toArray();
    return { keys: rows.map((row) => JSON.parse(row.public) as JWK) };
  }

  override async alarm(): Promise<void> {
    const now = Date.now();
    await this.#timers.run(now, async (key) => {
      if (key === "rotate") await this.#create(this.#algorithm, now);
      this.#sql.exec("DELETE FROM keys WHERE retires_at <= ?", now);
    });
  }

  get #algorithm(): KeyAlgorithm {
    return algorithmOf(parseConfig(this.env));
  }

  /** The key to sign with. One that a changed `AUTH_SECRET` cannot open stays published, and another takes its place. */
  async #signing(alg: KeyAlgorithm): Promise<{ kid: string; jwk: JWK }> {
    for (;;) {
      const row = await this.#current(alg);
      // Rows of before there was encryption are plain JSON; rotation ends them.
      const text = row.private.startsWith("{")
        ? row.private
        : await unseal(row.private, row.kid, parseConfig(this.env).AUTH_SECRET);
      if (text !== null) return { kid: row.kid, jwk: JSON.parse(text) as JWK };
      log("error", "signing_key_unreadable", { kid: row.kid });
      this.#sql.exec("UPDATE keys SET private = '' WHERE kid = ? AND private = ?", row.kid, row.private);
    }
  }

  /**
   * The newest key of this algorithm that everybody knows; the newest of all when there is no such key yet. None that
   * its token could outlive. The first key after a change of algorithm signs at once: who does not know it asks for it.
   */
  async #current(alg: KeyAlgorithm): Promise<KeyRow> {
    const find = () => {
      const now = Date.now();
      return this.#sql
        .exec<KeyRow>(
          `SELECT kid, private, public FROM keys
           WHERE private <> '' AND alg = ? AND (retires_at IS NULL OR retires_at > ?)
           ORDER BY created_at > ?, created_at DESC LIMIT 1`,
          alg,
          now + TOKEN_MS,
          now - PUBLISH_AHEAD_MS,
        )
        .toArray()[0];
    };
    const known = find();
    if (known) return known;
    await this.ctx.blockConcurrencyWhile(async () => {
      if (!find()) await this.#create(alg, Date.now());
    });
    return find()!;
  }

  async #create(alg: KeyAlgorithm, now: number): Promise<void> {
    const kid = newId("key");
    const { open, secret } = await createPair(alg, kid);
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const sealed = await seal(JSON.stringify(secret), kid, parseConfig(this.env).AUTH_SECRET, iv);
    const retiresAt = now + RETIRE_MS;
    this.ctx.storage.transactionSync(() => {
      this.#sql.exec("UPDATE keys SET retires_at = ? WHERE retires_at IS NULL", retiresAt);
      this.#sql.exec(
        "INSERT INTO keys (kid, created_at, private, public, alg) VALUES (?, ?, ?, ?, ?)",
        kid,
        now,
        sealed,
        JSON.stringify(open),
        alg,
      );
    });
    this.#timers.set("retire", retiresAt);
    this.#timers.set("rotate", now + ROTATE_MS);
  }
}
