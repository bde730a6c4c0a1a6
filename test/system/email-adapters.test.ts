/** Each provider's adapter against a server that checks what the real API checks, by the test message of a merchant. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Merchant } from "../support/merchant.ts";
import { unexpectedIn } from "../support/problems.ts";
import { PROVIDERS } from "../support/providers/index.ts";
import type { Failure, ProviderServer } from "../support/providers/server.ts";
import { type System, startSystem } from "../support/system.ts";

interface Verdict {
  outcome: string;
  messageId: string | null;
  reason: string | null;
  retryable: boolean;
  ms: number;
}

// The one that waits for a time-out lets the others go on.
vi.setConfig({ maxConcurrency: 10 });

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/** Answers to what is not how the API is used, but for those to another account's credential. */
const misused = (server: ProviderServer) =>
  server.misused.map(({ answer }) => answer).filter(({ status }) => status !== 401 && status !== 403);

let system: System;
let merchant: Merchant;
const servers: ProviderServer[] = [];

beforeAll(async () => {
  system = await startSystem();
  merchant = await Merchant.register(system.url, { name: "Kiln" });
}, 120_000);
afterAll(async () => {
  await system?.stop();
  for (const server of servers) await server.stop();
});

describe.concurrent.each(PROVIDERS)("$kind", { timeout: 60_000 }, ({ kind, server: newServer, setup, wrong }) => {
  let server: ProviderServer;
  let id: string;
  beforeAll(async () => {
    server = await newServer().start();
    servers.push(server);
    const added = await merchant.call<{ id: string }>("POST", "/v1/providers", setup(server.url));
    expect(added.status, added.text).toBe(201);
    id = added.body.id;
  });

  const sendBy = async (provider: string, to: string): Promise<Verdict> => {
    const answer = await merchant.call<Verdict>(
      "POST",
      `/v1/providers/${provider}/test`,
      { to },
      { traceparent: TRACE },
    );
    expect(answer.status, answer.text).toBe(200);
    return answer.body;
  };
  const failing = (name: string, ...failures: Failure[]): Promise<Verdict> =>
    sendBy(id, server.fail(`${name}@${kind}.example`, ...failures));

  test("takes a message as the API wants it, and tells its id", async () => {
    const to = `ada@${kind}.example`;
    const verdict = await sendBy(id, to);
    expect(misused(server)).toEqual([]);
    expect(verdict).toMatchObject({ outcome: "sent", reason: null });
    expect(verdict.messageId).toContain("msg-");
    const [mail, ...more] = server.to(to);
    expect(more).toEqual([]);
    expect(mail?.asked.headers.traceparent).toBe(TRACE);
    expect(mail?.from).toContain("<hello@kiln.example>");
    expect(mail?.headers).toEqual({ "auto-submitted": "auto-generated" });
    expect(mail?.html).toContain(mail?.text);
  });

  test.each([429, 500, 503])("%i is surely not sent, and may go later", async (status) => {
    const verdict = await failing(`busy-${status}`, { status, headers: { "retry-after": "120" }, body: {} });
    expect(verdict).toMatchObject({ outcome: "refused", retryable: true });
    expect(verdict.reason).toContain(String(status));
  });

  test("a refusal of the message is for good, and tells nobody the address", async () => {
    const to = `nobody@${kind}.example`;
    const message = `${to} is not an address`;
    const body = { message, Message: message, ErrorCode: 406, errors: [{ message }] };
    const verdict = await failing("nobody", { status: kind === "postmark" ? 422 : 400, body });
    expect(verdict).toMatchObject({ outcome: "refused", retryable: false });
    expect(verdict.reason).toMatch(/^4\d\d .*… is not an address/);
  });

  test("a credential that is not the account's is refused, and another provider may try", async () => {
    const given = setup(server.url);
    const credentials = { ...given.credentials, ...wrong };
    const added = await merchant.call<{ id: string }>("POST", "/v1/providers", { ...given, credentials });
    const verdict = await sendBy(added.body.id, `locked@${kind}.example`);
    expect(verdict).toMatchObject({ outcome: "refused", retryable: true });
    expect(verdict.reason).toMatch(/^40[13] /);
    expect(server.to(`locked@${kind}.example`)).toEqual([]);
    await merchant.call("DELETE", `/v1/providers/${added.body.id}`);
  });

  test.each([502, 504])("%i comes from between: nobody knows", async (status) => {
    expect(await failing(`between-${status}`, { status })).toMatchObject({ outcome: "unknown" });
  });

  test("a lost answer is unknown, whether it was taken or not", async () => {
    expect(await failing("dropped", { drop: true })).toMatchObject({ outcome: "unknown" });
    expect(await failing("perhaps", { drop: true, taken: true })).toMatchObject({ outcome: "unknown" });
    expect(server.attempts.get(`perhaps@${kind}.example`)).toBe(1);
  });

  test.each(["<html>", "[]", '{"ok":true}', ""])(
    "an answer of 200 that is none of its own (%j) is unknown",
    async (malformed) => {
      expect(await failing(`strange-${malformed.length}`, { malformed })).toMatchObject({ outcome: "unknown" });
    },
  );

  test("a redirect is not followed with the credential", async () => {
    const verdict = await failing("moved", { status: 307, headers: { location: `${server.url}/elsewhere` } });
    expect(verdict).toMatchObject({ outcome: "refused", retryable: false });
    expect(misused(server)).toEqual([]);
  });

  test("a server that hangs is given up after half a minute, as unknown", async () => {
    const verdict = await failing("hanging", { hang: true });
    expect(verdict).toMatchObject({ outcome: "unknown" });
    expect(verdict.ms).toBeGreaterThan(29_000);
    expect(verdict.ms).toBeLessThan(40_000);
  });
});

test("what never reached a server was surely not sent", async () => {
  for (const { kind, setup } of PROVIDERS) {
    const given = setup("http://127.0.0.1:9");
    const added = await merchant.call<{ id: string }>("POST", "/v1/providers", given);
    const answer = await merchant.call<Verdict>("POST", `/v1/providers/${added.body.id}/test`, { to: "a@b.example" });
    expect(answer.body, kind).toMatchObject({ outcome: "refused", retryable: true });
    await merchant.call("DELETE", `/v1/providers/${added.body.id}`);
  }
  expect(unexpectedIn(system.logs())).toEqual([]);
});
