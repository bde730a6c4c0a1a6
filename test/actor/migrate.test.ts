/** Migrations of actors, by the example of `Shopper`: what was applied must be what the code says. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";

import { describe, expect, it } from "vitest";
import { env, failure } from "./support.ts";

let made = 0;

async function shopper() {
  const stub = env.SHOPPER.getByName(`st_migrate/sh_${++made}`);
  await stub.suppress("email", "bounced");
  return stub;
}

describe("what was written by other versions", () => {
  it("a migration that was changed after it was applied is an error, not a guess", async () => {
    const stub = await shopper();
    await runInDurableObject(stub, (_, { storage }) => void storage.sql.exec("UPDATE _migrations SET hash = 1"));
    await evictDurableObject(stub);
    expect(await failure(() => stub.profile())).toMatch(/migration 0 was changed/);
  });

  it("a database from the future is an error too", async () => {
    const stub = await shopper();
    await runInDurableObject(stub, (_, { storage }) => {
      storage.sql.exec("INSERT INTO _migrations (id, hash) VALUES (2, 1)");
    });
    await evictDurableObject(stub);
    expect(await failure(() => stub.profile())).toMatch(/3 migrations, the code 2/);
  });

  it("migrations run once, and what was kept survives an eviction", async () => {
    const stub = await shopper();
    await evictDurableObject(stub);
    expect((await stub.profile()).suppressed).toMatchObject({ email: { reason: "bounced" } });
  });
});
