/**
 * Shopper: one person of one store, across carts and devices.
 *
 * Owns    identity, consent, suppression and the frequency cap's ledger of `store/shopper`.
 * Timers  `trim`: forgets sends that no cap looks back to.
 * RPC     permit, settle, release, unsent, suppress, consent, profile.
 * Peers   none: it is asked, it never asks.
 */
import { DurableObject } from "cloudflare:workers";
import type { Permit, Prospect } from "../../shared/events/messages.ts";
import type { Consent, ConsentChannel } from "../../shared/events/types.ts";
import type { Rules } from "../../shared/policy/rules.ts";
import { DAY_MS, HOUR_MS } from "../../shared/time.ts";
import { migrate } from "../kit/migrate.ts";
import { TIMERS_TABLE, Timers } from "../kit/timers.ts";
import { parseName } from "../stubs.ts";
import { emptyProfile, learn, type Profile, permit, type Send } from "./decide.ts";

const MIGRATIONS = [
  `CREATE TABLE profile (id INTEGER PRIMARY KEY CHECK (id = 1), data TEXT NOT NULL);
   CREATE TABLE sends (delivery_id TEXT PRIMARY KEY, at INTEGER NOT NULL, status TEXT NOT NULL) WITHOUT ROWID;
   ${TIMERS_TABLE}`,
] as const;

/** The longest window a cap may have (policy/rules.ts). */
const KEEP_SENDS_MS = 8760 * HOUR_MS;
/** A reservation whose sender died frees its place after this. */
const RESERVATION_MS = HOUR_MS;

export class Shopper extends DurableObject {
  readonly #storeId: string;
  readonly #sql: SqlStorage;
  readonly #timers: Timers;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#storeId = parseName(ctx.id.name ?? "").storeId;
    this.#sql = ctx.storage.sql;
    migrate(ctx.storage, MIGRATIONS);
    this.#timers = new Timers(ctx);
  }

  /** May this message go out? A yes reserves a place under the cap until it is settled or released. */
  permit(asked: Prospect, rules: Pick<Rules, "frequencyCap" | "quietHours" | "timezone">): Permit {
    const now = Date.now();
    return this.ctx.storage.transactionSync(() => {
      const profile = this.#learn(asked);
      const answer = permit(profile, this.#sends(now), { ...asked, storeId: this.#storeId }, rules, now);
      if (answer.granted) {
        this.#sql.exec(
          `INSERT INTO sends (delivery_id, at, status) VALUES (?, ?, 'reserved')
           ON CONFLICT (delivery_id) DO UPDATE SET at = excluded.at WHERE status = 'reserved'`,
          asked.deliveryId,
          now,
        );
        this.#timers.setEarliest("trim", now + DAY_MS);
      }
      return answer;
    });
  }

  /** The message is about to go out: its place under the cap is used, also when nobody learns what became of it. */
  settle(deliveryId: string): void {
    this.#sql.exec("UPDATE sends SET status = 'sent' WHERE delivery_id = ?", deliveryId);
  }

  /** The cart did not hand the message out: a reserved place is free again, a used one is not. */
  release(deliveryId: string): void {
    this.#sql.exec("DELETE FROM sends WHERE delivery_id = ? AND status = 'reserved'", deliveryId);
  }

  /** The provider surely did not send it: the place is free again, although it was used ahead of the answer. */
  unsent(deliveryId: string): void {
    this.#sql.exec("DELETE FROM sends WHERE delivery_id = ?", deliveryId);
  }

  /** Never write to this shopper on this channel again. */
  suppress(channel: ConsentChannel, reason: string): void {
    const profile = this.#profile();
    if (profile.suppressed[channel]) return;
    this.#save({ ...profile, suppressed: { ...profile.suppressed, [channel]: { reason, at: Date.now() } } });
  }

  /** The shopper's or merchant's own word, which also lifts a suppression by the shopper's own unsubscribing. */
  consent(channel: ConsentChannel, value: Consent): void {
    const profile = this.#profile();
    const suppressed = { ...profile.suppressed };
    if (value === "granted" && suppressed[channel]?.reason === "unsubscribed") delete suppressed[channel];
    this.#save({ ...profile, suppressed, consent: { ...profile.consent, [channel]: { value, at: Date.now() } } });
  }

  profile(): Profile & { sends: Send[] } {
    return { ...this.#profile(), sends: this.#sends(Date.now()) };
  }

  override async alarm(): Promise<void> {
    const now = Date.now();
    await this.#timers.run(now, () => {
      this.#sql.exec("DELETE FROM sends WHERE at < ?", now - KEEP_SENDS_MS);
      const left = this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM sends").one().n;
      if (left > 0) this.#timers.set("trim", now + 30 * DAY_MS);
    });
  }

  #learn(asked: Prospect): Profile {
    const before = this.#profile();
    const after = learn(before, asked);
    if (JSON.stringify(after) !== JSON.stringify(before)) this.#save(after);
    return after;
  }

  #sends(now: number): Send[] {
    return this.#sql
      .exec<{ delivery_id: string; at: number; status: string }>(
        "SELECT delivery_id, at, status FROM sends WHERE status = 'sent' OR at > ? ORDER BY at",
        now - RESERVATION_MS,
      )
      .toArray()
      .map((row) => ({ deliveryId: row.delivery_id, at: row.at, status: row.status === "sent" ? "sent" : "reserved" }));
  }

  #profile(): Profile {
    const row = this.#sql.exec<{ data: string }>("SELECT data FROM profile").toArray()[0];
    return row ? { ...emptyProfile(), ...(JSON.parse(row.data) as Partial<Profile>) } : emptyProfile();
  }

  #save(profile: Profile): void {
    const data = JSON.stringify(profile);
    this.#sql.exec(
      "INSERT INTO profile (id, data) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data",
      data,
    );
  }
}
