/** The floor: what any durable answer costs on this runtime. One of a thousand actors, one row of the same bytes, 202. */
import { DurableObject } from "cloudflare:workers";

export class Cart extends DurableObject {
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as never);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, entry TEXT NOT NULL)",
    );
  }

  add(entry: string): void {
    this.#sql.exec("INSERT INTO log (at, entry) VALUES (?, ?)", Date.now(), entry);
  }
}

/** The other actors of the same configuration: bound, never called. */
export class Breaker extends DurableObject {}
export class Keyring extends DurableObject {}
export class Limiter extends DurableObject {}
export class Meter extends DurableObject {}
export class Room extends DurableObject {}
export class Shopper extends DurableObject {}
export class Store extends DurableObject {}

interface Env {
  CART: DurableObjectNamespace<Cart>;
}

export default {
  async fetch(request, env) {
    if (request.method !== "POST") return new Response("ok");
    await env.CART.getByName(request.headers.get("x-cart") ?? "").add(await request.text());
    return Response.json({ accepted: 1 }, { status: 202 });
  },
  async queue() {},
  async scheduled() {},
} satisfies ExportedHandler<Env>;
