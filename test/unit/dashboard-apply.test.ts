import { describe, expect, it } from "vitest";
import type { CartListItem, CartStatus, DeliveryView, RealtimeView } from "../../shared/views.ts";
import {
  applyCarts,
  applyDeliveries,
  applyList,
  applyMetrics,
  type CartMap,
  LIST_LAG_MS,
  namesCart,
  namesDelivery,
  pruneCarts,
  toColumns,
} from "../../workers/dashboard/app/live/apply.ts";

const NOW = Date.parse("2026-11-21T10:00:00Z");
const at = (ms: number) => new Date(ms).toISOString();

function cart(id: string, version: number, status: CartStatus = "active", lastActivityMs = NOW): CartListItem {
  return {
    id,
    status,
    version,
    itemCount: 1,
    total: { amount: "12.30", currency: "EUR" },
    shopper: { id: "v-1", email: null, name: null },
    abandonmentRisk: 0.5,
    createdAt: at(lastActivityMs),
    lastActivityAt: at(lastActivityMs),
    abandonedAt: null,
    recoveredAt: null,
  };
}

const mapOf = (...carts: CartListItem[]): CartMap => new Map(carts.map((c) => [c.id, c]));

describe("news of carts", () => {
  it("replace a cart only when their version is newer", () => {
    const known = mapOf(cart("c1", 5, "abandoned"));
    expect(applyCarts(known, [cart("c1", 4, "active")])).toBe(known);
    expect(applyCarts(known, [cart("c1", 5, "active")])).toBe(known);
    expect(applyCarts(known, [cart("c1", 6, "recovering")]).get("c1")?.status).toBe("recovering");
  });

  it("end the same in every order, and when told twice", () => {
    const news = [cart("c1", 1), cart("c1", 3, "recovering"), cart("c1", 2, "abandoned"), cart("c2", 1)];
    const orders = [news, [...news].reverse(), [news[2]!, news[0]!, news[3]!, news[1]!], [...news, ...news]];
    for (const order of orders) {
      const result = applyCarts(new Map(), order);
      expect(result.get("c1")?.version).toBe(3);
      expect(result.get("c2")?.version).toBe(1);
    }
  });

  it("leave the map they were given as it was", () => {
    const known = mapOf(cart("c1", 1));
    applyCarts(known, [cart("c1", 2), cart("c2", 1)]);
    expect([...known.values()].map((c) => [c.id, c.version])).toEqual([["c1", 1]]);
  });
});

describe("a list from the API", () => {
  it("does not take back what the socket told meanwhile", () => {
    const result = applyList(mapOf(cart("c1", 7, "recovered")), [cart("c1", 6, "recovering")], {
      complete: true,
      now: NOW,
    });
    expect(result.get("c1")?.status).toBe("recovered");
  });

  it("drops a cart that a complete list no longer names", () => {
    const gone = cart("gone", 3, "abandoned", NOW - LIST_LAG_MS - 1);
    expect(applyList(mapOf(gone), [], { complete: true, now: NOW }).has("gone")).toBe(false);
    expect(applyList(mapOf(gone), [], { complete: false, now: NOW }).has("gone")).toBe(true);
  });

  it("keeps a cart that moved so recently that the list may not know it yet", () => {
    expect(applyList(mapOf(cart("new", 1)), [], { complete: true, now: NOW + 1_000 }).has("new")).toBe(true);
  });
});

describe("a long day", () => {
  it("forgets closed carts before open ones, the longest idle first", () => {
    const known = mapOf(
      cart("open-old", 1, "abandoned", NOW - 9_000),
      cart("closed-new", 1, "purchased", NOW - 1_000),
      cart("closed-old", 1, "expired", NOW - 8_000),
      cart("merged", 1, "merged", NOW),
    );
    expect([...pruneCarts(known, 2).keys()].sort()).toEqual(["merged", "open-old"]);
    expect(pruneCarts(known, 4)).toBe(known);
  });
});

describe("the columns", () => {
  it("hold each cart once, and a merged one nowhere", () => {
    const statuses: CartStatus[] = ["active", "abandoned", "recovering", "purchased", "recovered", "expired", "merged"];
    const columns = toColumns(mapOf(...statuses.map((status) => cart(status, 1, status))));
    expect(columns.active.map((c) => c.id)).toEqual(["active"]);
    expect(columns.abandoned.map((c) => c.id)).toEqual(["abandoned"]);
    expect(columns.recovering.map((c) => c.id)).toEqual(["recovering"]);
    expect(columns.recovered.map((c) => c.id)).toEqual(["recovered"]);
    expect(columns.closed.map((c) => c.id).sort()).toEqual(["expired", "purchased"]);
  });

  it("do not reorder two carts that are busy within the same minute", () => {
    const ids = (a: number, b: number) =>
      toColumns(mapOf(cart("a", 1, "active", NOW + a), cart("b", 1, "active", NOW + b))).active.map((c) => c.id);
    expect(ids(1_000, 2_000)).toEqual(["a", "b"]);
    expect(ids(3_000, 2_000)).toEqual(["a", "b"]);
    expect(ids(3_000, 62_000)).toEqual(["b", "a"]);
  });
});

describe("metrics", () => {
  it("of an earlier moment are ignored", () => {
    const metrics = (ms: number) => ({ at: at(ms) }) as RealtimeView;
    const late = metrics(NOW);
    expect(applyMetrics(late, metrics(NOW - 1))).toBe(late);
    expect(applyMetrics(late, metrics(NOW + 1)).at).toBe(at(NOW + 1));
    expect(applyMetrics(null, late)).toBe(late);
  });
});

describe("news of deliveries", () => {
  const step = (status: DeliveryView["status"], ms: number) => ({ status, at: at(ms) });
  const row = (id: string, history: DeliveryView["statusHistory"]) =>
    ({
      id,
      subject: "Your cart",
      status: history.at(-1)!.status,
      statusHistory: history,
      cartId: "c1",
    }) as DeliveryView;
  const scheduled = row("d1", [step("scheduled", NOW)]);
  const sent = row("d1", [step("scheduled", NOW), step("sent", NOW + 1)]);

  it("move a row forward and keep what only the list knows", () => {
    const { rows, unknown } = applyDeliveries([scheduled], [{ ...sent, dueAt: null }]);
    expect(rows[0]).toMatchObject({ status: "sent", subject: "Your cart" });
    expect(unknown).toBe(false);
  });

  it("tell by which channel it went in the end, and that there is an address to be read", () => {
    const waiting: DeliveryView = { ...scheduled, channel: "push", to: null };
    const { rows, unknown } = applyDeliveries([waiting], [{ ...sent, channel: "sms", dueAt: null }]);
    expect(rows[0]).toMatchObject({ channel: "sms", status: "sent" });
    expect(unknown).toBe(true);
  });

  it("never move a row back", () => {
    const rows = [sent];
    expect(applyDeliveries(rows, [{ ...scheduled, dueAt: null }]).rows).toBe(rows);
  });

  it("of an unlisted message ask for the list to be read again", () => {
    expect(applyDeliveries([], [{ ...sent, dueAt: null }]).unknown).toBe(true);
  });

  it("tell which cart and which message they are about", () => {
    const news = { topic: "deliveries" as const, deliveries: [{ ...sent, dueAt: null }] };
    expect(namesCart(news, "c1")).toBe(true);
    expect(namesCart(news, "c2")).toBe(false);
    expect(namesDelivery(news, "d1")).toBe(true);
    expect(namesCart({ topic: "carts", carts: [cart("c2", 1)] }, "c2")).toBe(true);
    expect(namesCart({ topic: "system", message: "c2" }, "c2")).toBe(false);
  });
});
