/**
 * First messages to shoppers who never had one, by channel and hour. Anybody with the publishable key may name any address
 * or number: this bounds how many of them a store is made to write to. A row is written for each.
 */

import type { MessageChannel, Settings } from "../../shared/policy/rules.ts";
import { floorTo, HOUR_MS } from "../../shared/time.ts";

export class FirstMessages {
  readonly #sql: SqlStorage;

  constructor({ sql }: DurableObjectStorage) {
    this.#sql = sql;
  }

  /** `null`: it may go, and is counted; asked for again it is counted again, unless it was given back. Else when to ask again. */
  admit(channel: MessageChannel, limits: Settings["firstMessagesPerHour"], now: number): number | null {
    const hour = floorTo(now, "hour");
    const known = this.#sql
      .exec<{ hour: number; count: number }>("SELECT hour, count FROM first_messages WHERE channel = ?", channel)
      .toArray()[0];
    const count = known?.hour === hour ? known.count : 0;
    if (count >= limits[channel]) return hour + HOUR_MS;
    this.#sql.exec(
      "INSERT INTO first_messages (channel, hour, count) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET hour = excluded.hour, count = excluded.count",
      channel,
      hour,
      count + 1,
    );
    return null;
  }

  /** What was admitted at `at` did not go out: another may, in the same hour. */
  giveBack(channel: MessageChannel, at: number): void {
    this.#sql.exec(
      "UPDATE first_messages SET count = max(0, count - 1) WHERE channel = ? AND hour = ?",
      channel,
      floorTo(at, "hour"),
    );
  }
}
