/**
 * Limiter: how often one subject (a caller, an address, an account at an address) may call, and its revoked tokens.
 *
 * Owns    sliding windows and blocks by rule; revoked tokens. Together, so that an authenticated request asks once.
 *         The rooms in which the subject's sockets are: a socket asks once, when it opens, and is told afterwards.
 * Timers  `sweep`: deletes what has expired, and at last the actor. `tell`: at once, tells those rooms what is void.
 * RPC     admit, takeBack, revoke, revokeAll, watch.
 * Peers   Room (revoked).
 *
 * A window lives in memory and is written at most once a second, so that a call costs no row; a crash may forget the
 * calls of that last second. What guards passwords (rules with a block) and revocations is written before the answer.
 */
import { DurableObject } from "cloudflare:workers";
import { log } from "../../shared/log.ts";
import {
  type AdmitReply,
  type AdmitRequest,
  isVoid,
  type LimitRule,
  type TokenMark,
} from "../../shared/policy/limits.ts";
import { MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { Timers } from "../kit/timers.ts";
import { type Actors, roomByName } from "../stubs.ts";
import { admit, takeBack, type Window } from "./decide.ts";
import { type Cutoff, LimiterStorage, saveCutoff, saveRevoked, saveWatcher, saveWindow } from "./storage.ts";

/** How long counts may stay unwritten. */
const SAVE_MS = SECOND_MS;
/** Between two sweeps: expired rows do no harm, wake-ups cost. */
const SWEEP_MS = 15 * MINUTE_MS;
/** Tokens revoked one by one; beyond, all that were ever issued are revoked together. */
const MAX_REVOKED = 1_000;

export class Limiter extends DurableObject<Actors> {
  readonly #storage: LimiterStorage;
  readonly #timers: Timers;
  readonly #windows: Map<string, Window>;
  readonly #revoked: Map<string, number>;
  #cutoff: Cutoff | null;
  /** Rooms, and until when a token that opened a socket there may live. As few as the stores and lobbies of one user. */
  readonly #watchers: Map<string, number>;
  /** Names of windows that are newer in memory than on the disk. */
  readonly #dirty = new Set<string>();
  #saveTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(ctx: DurableObjectState, env: Actors) {
    super(ctx, env);
    this.#storage = new LimiterStorage(ctx.storage);
    this.#timers = new Timers(ctx);
    const { windows, revoked, cutoff, watchers } = this.#storage.load();
    this.#watchers = watchers;
    this.#windows = windows;
    this.#revoked = revoked;
    this.#cutoff = cutoff;
  }

  /** Counts one call, unless it is refused. Whether its token is void is answered along with it. */
  admit({ rule, token }: AdmitRequest): AdmitReply {
    const now = Date.now();
    const { name, limit } = rule;
    if (token && this.#isRevoked(token))
      return { allowed: false, limit, remaining: 0, resetAt: now, retryAfterMs: 0, revoked: true };
    const known = this.#windows.get(name);
    const { state, blockedUntil: _, ...verdict } = admit(known, rule, now);
    // A refusal that begins no block leaves what is saved as good as it was.
    if (verdict.allowed || state.blockedUntil !== (known?.blockedUntil ?? null)) this.#put(rule, state, now);
    return { ...verdict, revoked: false };
  }

  /** The latest call counted under this rule was none after all: a login that succeeded is not a failure. */
  takeBack(rule: LimitRule): void {
    const known = this.#windows.get(rule.name);
    if (known && known.calls.length > 0) this.#put(rule, takeBack(known), Date.now());
  }

  /** Voids one token, or all those of one session; `until` (ms) is when the last of them would have expired. */
  revoke(id: string, until: number): void {
    const now = Date.now();
    if (this.#revoked.size >= MAX_REVOKED && !this.#revoked.has(id)) this.#forgetExpired(now);
    if (this.#revoked.size >= MAX_REVOKED && !this.#revoked.has(id)) {
      this.revokeAll(now, Math.max(until, ...this.#revoked.values()));
      return;
    }
    this.#write(now, (sql) => {
      saveRevoked(sql, id, until);
      this.#tellSoon(now);
    });
    this.#revoked.set(id, until);
  }

  /**
   * Voids every token issued at or before `before` (ms); the last of them expires at `until`. The instant itself
   * counts as before: a login takes longer than a millisecond, so a token of the same one was there already.
   */
  revokeAll(before: number, until: number): void {
    const known = this.#cutoff;
    const now = Date.now();
    const cutoff = { before: Math.max(before, known?.before ?? 0), until: Math.max(until, known?.until ?? 0) };
    this.#write(now, (sql) => {
      saveCutoff(sql, cutoff);
      this.#tellSoon(now);
    });
    this.#cutoff = cutoff;
  }

  /**
   * A token opens a socket in a room: from here on the room is told what becomes void, until the token expires (ms).
   * `false`: it is void already.
   */
  watch(room: string, token: TokenMark, until: number): boolean {
    if (this.#isRevoked(token)) return false;
    const last = Math.max(until, this.#watchers.get(room) ?? 0);
    if (last !== this.#watchers.get(room)) this.#write(Date.now(), (sql) => saveWatcher(sql, room, last));
    this.#watchers.set(room, last);
    return true;
  }

  override async alarm(): Promise<void> {
    if (!this.#storage.ready) return;
    const now = Date.now();
    await this.#timers.run(now, (key) => (key === "tell" ? this.#tell() : this.#sweep(now)));
    const isEmpty = this.#windows.size === 0 && this.#revoked.size === 0 && this.#watchers.size === 0 && !this.#cutoff;
    if (isEmpty) await this.#storage.forget();
  }

  #isRevoked(token: TokenMark): boolean {
    return isVoid(token, this.#revoked, this.#cutoff?.before ?? null);
  }

  /** Through the alarm, so that a crash or a room out of reach only delays it. */
  #tellSoon(now: number): void {
    if (this.#watchers.size > 0) this.#timers.set("tell", now);
  }

  async #tell(): Promise<void> {
    const voided = { ids: [...this.#revoked.keys()], before: this.#cutoff?.before ?? null };
    const told = (room: string) => roomByName(this.env, room).revoked(this.ctx.id.name ?? "", voided);
    await Promise.all([...this.#watchers.keys()].map(told));
  }

  #put(rule: LimitRule, window: Window, now: number): void {
    if (rule.blockMs) this.#write(now, (sql) => saveWindow(sql, rule.name, window));
    else this.#saveSoon(rule.name);
    this.#windows.set(rule.name, window);
  }

  /** The plain timer keeps the actor awake until the counts are on the disk. */
  #saveSoon(name: string): void {
    this.#dirty.add(name);
    this.#saveTimer ??= setTimeout(() => this.#save(), SAVE_MS);
  }

  #save(): void {
    this.#saveTimer = null;
    if (this.#dirty.size === 0) return; // swept meanwhile
    try {
      this.#write(Date.now(), (sql) => {
        for (const name of this.#dirty) {
          const window = this.#windows.get(name);
          if (window) saveWindow(sql, name, window);
        }
      });
      this.#dirty.clear();
    } catch (error) {
      log("error", "limits_unsaved", { error }); // the next call sets the timer again
    }
  }

  #write(now: number, write: (sql: SqlStorage) => void): void {
    this.#storage.write((sql) => {
      write(sql);
      this.#timers.setEarliest("sweep", now + SWEEP_MS);
    });
  }

  #sweep(now: number): void {
    this.#forgetExpired(now);
    const left = [
      ...[...this.#windows.values()].map(({ expiresAt }) => expiresAt),
      ...this.#revoked.values(),
      ...this.#watchers.values(),
      ...(this.#cutoff ? [this.#cutoff.until] : []),
    ];
    if (left.length > 0) this.#timers.set("sweep", Math.max(now + SWEEP_MS, Math.min(...left)));
  }

  #forgetExpired(now: number): void {
    const windows = [...this.#windows].filter(([, { expiresAt }]) => expiresAt <= now).map(([name]) => name);
    const tokens = [...this.#revoked].filter(([, until]) => until <= now).map(([jti]) => jti);
    const rooms = [...this.#watchers].filter(([, until]) => until <= now).map(([room]) => room);
    const cutoffGone = this.#cutoff !== null && this.#cutoff.until <= now;
    this.#storage.write((sql) => {
      for (const name of windows) sql.exec("DELETE FROM windows WHERE name = ?", name);
      for (const jti of tokens) sql.exec("DELETE FROM revoked WHERE id = ?", jti);
      for (const room of rooms) sql.exec("DELETE FROM watchers WHERE room = ?", room);
      if (cutoffGone) sql.exec("DELETE FROM cutoff");
    });
    for (const name of windows) {
      this.#windows.delete(name);
      this.#dirty.delete(name);
    }
    for (const jti of tokens) this.#revoked.delete(jti);
    for (const room of rooms) this.#watchers.delete(room);
    if (cutoffGone) this.#cutoff = null;
  }
}
