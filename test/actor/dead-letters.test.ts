/** What queues gave up on. */
import { applyD1Migrations, createMessageBatch, type D1Migration } from "cloudflare:test";
import { beforeAll, expect, it } from "vitest";
import type { Env } from "../../workers/env.ts";
import { consumeDeadLetters } from "../../workers/jobs/dead-letters.ts";
import { env, gathered, unique } from "./support.ts";

beforeAll(() => applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS));

const deliver = (id: string, body: unknown) =>
  consumeDeadLetters(
    createMessageBatch("dead-letters", [{ id, timestamp: new Date(), attempts: 1, body }]),
    env as unknown as Env,
  );

it("a dead letter that comes again is kept and counted once", async () => {
  const id = unique("msg");
  const storeId = unique("st");
  await gathered("cartwake_dead_letters_total");
  for (const _ of ["first", "again"]) await deliver(id, { storeId, cartId: "c" });
  await deliver(unique("msg"), { storeId, cartId: "c" });
  const { results } = await env.DB.prepare("SELECT queue, body FROM failed_events WHERE store_id = ?")
    .bind(storeId)
    .all();
  expect(results).toEqual([
    { queue: "dead-letters", body: JSON.stringify({ storeId, cartId: "c" }) },
    { queue: "dead-letters", body: JSON.stringify({ storeId, cartId: "c" }) },
  ]);
  expect(await gathered("cartwake_dead_letters_total")).toBe(2);
});
