/** A call that is kept open by a slow body has no more rights than its caller when the body is there. */
import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { joinAs, membersOf, remove } from "../support/members.ts";
import { Merchant } from "../support/merchant.ts";
import { unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
let owner: Merchant;
beforeAll(async () => {
  system = await startSystem();
  owner = await Merchant.register(system.url);
});
afterAll(async () => {
  expect(unexpectedIn(system.logs())).toEqual([]);
  await system.stop();
});

/** Sends the headers and half of the body; `finish` sends the rest and answers the status. */
function begin(path: string, token: string, body: unknown, headers: Record<string, string> = {}) {
  const text = JSON.stringify(body);
  const half = text.length >> 1;
  const call = request(system.url + path, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "content-length": text.length,
      ...headers,
    },
  });
  const status = new Promise<number>((done, failed) => {
    call.on("error", failed).on("response", (response) => {
      response.resume();
      done(response.statusCode ?? 0);
    });
  });
  call.write(text.slice(0, half));
  return {
    finish: () => {
      call.end(text.slice(half));
      return status;
    },
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("a member who was removed meanwhile makes no key and invites nobody", async () => {
  const store = owner.account.storeId;
  const admin = await joinAs(system, owner, "admin", "slow@merchant.example");
  const calls = [
    begin("/v1/api-keys", admin.credential, { name: "for later" }),
    begin("/v1/api-keys", admin.credential, { name: "for later" }, { "idempotency-key": "later" }),
    begin(`/v1/stores/${store}/invitations`, admin.credential, { email: "friend@merchant.example", role: "admin" }),
  ];
  await pause(1_500);
  expect((await remove(owner, store, admin.userId)).status).toBe(204);
  expect(await Promise.all(calls.map((call) => call.finish()))).toEqual([401, 401, 401]);
  expect((await owner.call<{ items: { name: string | null }[] }>("GET", "/v1/api-keys")).text).not.toContain(
    "for later",
  );
  expect((await owner.call("GET", `/v1/stores/${store}/invitations`)).text).not.toContain("friend@");
});

test("a slow body of a member who stays is taken", async () => {
  const call = begin("/v1/api-keys", owner.credential, { name: "over a bad line" });
  await pause(1_500);
  expect(await call.finish()).toBe(201);
  expect(await membersOf(owner)).toHaveLength(1);
});
