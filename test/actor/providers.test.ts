/** Stores' own providers where no server is needed: what production refuses, and what another secret leaves closed. */
import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { PERMISSIONS } from "../../shared/auth/roles.ts";
import type { Principal } from "../../shared/auth/tokens.ts";
import { parseConfig } from "../../shared/config.ts";
import { providersOf } from "../../shared/db/providers.ts";
import { newId } from "../../shared/ids.ts";
import type { Env } from "../../workers/env.ts";
import type { Call } from "../../workers/gateway/route.ts";
import { routes } from "../../workers/gateway/routes/providers.ts";
import type { Neighbours } from "../../workers/gateway/routes/storefront.ts";
import { testProvider } from "../../workers/interventions/provider-test.ts";
import { Route, waysOf } from "../../workers/interventions/route.ts";
import { env } from "./support.ts";

beforeAll(() => applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS));

const PRODUCTION: Env = {
  ...env,
  ENVIRONMENT: "production",
  LINK_SECRET: "a-secret-of-production",
  AUTH_SECRET: "a-secret-of-production",
};

/** `POST /v1/providers` as its handler sees it. */
async function create(on: Env, storeId: string, body: unknown): Promise<Response> {
  const route = routes({} as Neighbours).find(({ method, path }) => method === "POST" && path === "/v1/providers");
  const url = new URL("https://cw.example/v1/providers");
  const principal = { storeId, permissions: PERMISSIONS.store_owner } as unknown as Principal;
  const headers = { "content-type": "application/json" };
  const request = new Request(url, { method: "POST", headers, body: JSON.stringify(body) });
  const call = { request, env: on, url, params: {}, audit: () => undefined } as unknown as Call;
  return route!.handle(call, principal);
}

const RESEND = { kind: "resend", from: { email: "a@b.example" }, settings: {}, credentials: { apiKey: "re_12345678" } };
const mail = {
  ...{
    channel: "email" as const,
    storeId: "",
    shopperId: "",
    deliveryId: "d",
    from: { name: "", email: "a@b.example" },
    to: "c@d.example",
    subject: "s",
  },
  ...{ html: "", text: "t", headers: {}, recoveryUrl: "", unsubscribeUrl: "" },
};

describe("an endpoint of one's own", () => {
  it("is refused in production: it would have the Worker ask any host", async () => {
    const settings = { endpoint: "http://127.0.0.1:9" };
    await expect(create(PRODUCTION, newId("st"), { ...RESEND, settings })).rejects.toMatchObject({
      code: "VALIDATION_ERROR",
      errors: [{ field: "settings.endpoint" }],
    });
    expect((await create(PRODUCTION, newId("st"), RESEND)).status).toBe(201);
    expect((await create(env, newId("st"), { ...RESEND, settings })).status).toBe(201);
  });

  it.each([
    ["mailgun", { domain: "evil.example/v3/x#" }],
    ["mailgun", { domain: "evil.example@api" }],
    ["ses", { region: "eu-central-1.evil.example/" }],
    ["ses", { region: "evil-1" }],
    ["sendgrid", { host: "evil.example" }],
  ])("is not to be had through another setting either (%s %j)", async (kind, settings) => {
    const secrets = { apiKey: "12345678", accessKeyId: "12345678", secretAccessKey: "12345678" };
    const { apiKey, ...aws } = secrets;
    const body = { ...RESEND, kind, settings, credentials: kind === "ses" ? aws : { apiKey } };
    await expect(create(PRODUCTION, newId("st"), body)).rejects.toMatchObject({ code: "VALIDATION_ERROR" });
  });
});

describe("credentials that were sealed with another secret", () => {
  it("leave messages waiting, and send nothing", async () => {
    const storeId = newId("st");
    await create(PRODUCTION, storeId, RESEND);
    const turned = { ...PRODUCTION, AUTH_SECRET: "the-next-secret-of-production" };
    const route = await Route.enter(
      turned,
      storeId,
      await waysOf(turned, parseConfig(turned), await providersOf(turned.DB, storeId, "email"), { channel: "email" }),
    );
    const { outcome, provider } = await route.carry({ ...mail, storeId });
    await route.leave();
    expect([provider, outcome]).toMatchObject(["resend", { kind: "refused", retryable: true }]);
  });

  it("are told so by a test message", async () => {
    const storeId = newId("st");
    await create(PRODUCTION, storeId, RESEND);
    const row = await env.DB.prepare("SELECT * FROM providers WHERE store_id = ?").bind(storeId).first();
    const turned = { ...PRODUCTION, AUTH_SECRET: "the-next-secret-of-production" };
    const told = await testProvider(
      turned,
      row as unknown as Parameters<typeof testProvider>[1],
      { channel: "email", to: "c@d.example" },
      null,
    );
    expect(told).toMatchObject({ outcome: "refused", reason: expect.stringContaining("enter them again") });
  });

  it("do not open for another provider of the same store", async () => {
    const storeId = newId("st");
    await create(env, storeId, RESEND);
    await create(env, storeId, { ...RESEND, credentials: { apiKey: "re_another_one" } });
    await env.DB.prepare(
      "UPDATE providers SET credentials = (SELECT credentials FROM providers WHERE store_id = ?1 AND position = 0) WHERE store_id = ?1",
    )
      .bind(storeId)
      .run();
    const ways = await waysOf(env, parseConfig(env), await providersOf(env.DB, storeId, "email"), { channel: "email" });
    // Neither is asked over the network: the second is closed, and only it is carried by here.
    const route = await Route.enter(env, storeId, ways.slice(1));
    expect((await route.carry({ ...mail, storeId })).outcome).toMatchObject({
      reason: expect.stringContaining("opened"),
    });
    await route.leave();
  });
});
