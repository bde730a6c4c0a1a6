/** What the merchant surface answers besides problems: its headers, its keys, its money. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { add, event, http, Merchant, until } from "../support/merchant.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
let merchant: Merchant;
beforeAll(async () => {
  system = await startSystem();
  merchant = await Merchant.register(system.url);
});
afterEach(() => expect(unexpectedIn(system.logs())).toEqual([]));
afterAll(() => system?.stop());

test.each([
  ["PUT", "/v1/carts", "GET, HEAD"],
  ["GET", "/auth/register", "POST"],
  ["DELETE", "/v1/carts/x", "GET, HEAD"],
  ["POST", "/v1/campaigns/x", "GET, PUT, PATCH, DELETE, HEAD"],
  ["PATCH", "/u/token", "GET, POST, HEAD"],
  ["GET", "/v1/events", "POST, OPTIONS"],
])("a refused %s of %s says which methods there are", async (method, path, allow) => {
  const answer = await merchant.call(method, path, method === "GET" ? undefined : {});
  expectProblem(answer, "METHOD_NOT_ALLOWED");
  expect(answer.headers.get("allow")).toBe(allow);
});

test("a secret key gives no permission that its holder does not have", async () => {
  const made = await merchant.call<{ key: string }>("POST", "/v1/api-keys", {
    scopes: ["members:write", "carts:read"],
  });
  const holder = new Merchant(system.url, merchant.account);
  holder.credential = made.body.key;
  const refused = await holder.call("POST", "/v1/api-keys", { scopes: ["carts:read", "stores:write"] });
  expect(expectProblem(refused, "FORBIDDEN").detail).toContain("stores:write");
  const given = await holder.call("POST", "/v1/api-keys", { scopes: ["carts:read"] });
  expect([given.status, given.body.scopes]).toEqual([201, ["carts:read"]]);
  const unsaid = await holder.call("POST", "/v1/api-keys", {});
  expect([unsaid.status, unsaid.body.scopes]).toEqual([201, ["carts:read"]]);
});

test("a secret key learns who it is", async () => {
  const holder = new Merchant(system.url, merchant.account);
  await holder.useSecretKey();
  expect(await holder.get("/auth/me")).toEqual({
    id: expect.stringMatching(/^key_/),
    email: null,
    name: "Secret key",
    role: "api_user",
    storeId: merchant.account.storeId,
    permissions: ["carts:read", "carts:write", "analytics:read", "shoppers:read"],
    stores: [
      {
        role: "api_user",
        id: merchant.account.storeId,
        name: "Kiln & Co",
        url: "https://shop.example/",
        currency: "EUR",
        timezone: "UTC",
      },
    ],
  });
  expect(await merchant.get("/auth/me")).toMatchObject({ email: merchant.account.email, role: "store_owner" });
});

test("values of carts are read and shown in the store's own currency", async () => {
  const yen = await Merchant.register(system.url, { currency: "JPY" });
  await yen.accept([
    add("cheap", "mug", "900", 1, { currency: "JPY" }),
    add("dear", "vase", "5000", 1, { currency: "JPY" }),
    event("looking", "page_viewed"),
  ]);
  await until("three carts are listed", async () => (await yen.carts()).length === 3);
  expect((await yen.carts("&minValue=1000")).map((cart) => cart.id)).toEqual(["dear"]);
  expect((await yen.carts("&minValue=900")).map((cart) => cart.id).sort()).toEqual(["cheap", "dear"]);
  const looking = (await yen.carts("&q=looking"))[0];
  expect(looking?.total).toEqual({ amount: "0", currency: "JPY" });
});

test("the built-in template is read like any other and stays as it is", async () => {
  const path = "/v1/templates/default";
  expect(await merchant.get(path)).toMatchObject({ id: "default", name: "Reminder", version: 0 });
  expectProblem(await merchant.call("PUT", path, { name: "T", html: "h" }), "CONFLICT");
  expectProblem(await merchant.call("DELETE", path), "CONFLICT");
});

test("a campaign has at most 16 KB, and all enabled ones together at most 128 KB", async () => {
  const campaign = (bytes: number) => ({
    name: "Big",
    steps: [{ id: "s" }],
    conditions: { "shopper.name": "x".repeat(bytes) },
  });
  const huge = await merchant.call("POST", "/v1/campaigns", campaign(16_384));
  expect(expectProblem(huge, "VALIDATION_ERROR", "(body)").detail).toContain("16384 bytes");
  for (let i = 0; i < 8; i++) expect((await merchant.call("POST", "/v1/campaigns", campaign(15_000))).status).toBe(201);
  const last = await merchant.call("POST", "/v1/campaigns", campaign(15_000));
  expect(expectProblem(last, "CONFLICT").detail).toContain("131072 bytes");
  const off = await merchant.call("POST", "/v1/campaigns", { ...campaign(15_000), enabled: false });
  expect(off.status).toBe(201);
  expectProblem(await merchant.call("PATCH", `/v1/campaigns/${off.body.id}`, { enabled: true }), "CONFLICT");
});

test("a trace is continued into the answer and the log, and begun where there is none", async () => {
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const traceparent = `00-${trace}-00f067aa0ba902b7-01`;
  for (const path of ["/health/live", "/v1/nothing"]) {
    const answered = (await http(system.url + path, { headers: { traceparent } })).headers.get("traceparent");
    expect(answered).toMatch(new RegExp(`^00-${trace}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
  }
  await until("the log has it", async () => system.logs().includes(`"traceId":"${trace}"`));
  const none: Record<string, string>[] = [{}, { traceparent: `00-${"0".repeat(32)}-00f067aa0ba902b7-01` }];
  for (const headers of none) {
    const begun = (await http(`${system.url}/health/live`, { headers })).headers.get("traceparent");
    expect(begun).toMatch(/^00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  }
  const beacon = (headers: Record<string, string>) =>
    http(`${system.url}/v1/events?key=${merchant.account.key}`, {
      method: "POST",
      headers,
      body: JSON.stringify(add("traced", "mug", "1.00")),
    });
  expect((await beacon({})).headers.get("traceparent")).toBeNull();
  expect((await beacon({ traceparent })).headers.get("traceparent")).toContain(trace);
});
