/** A dashboard's socket lives no longer than the right of whoever opened it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { LiveSocket } from "../support/live.ts";
import { joinAs, post, remove, setRole } from "../support/members.ts";
import { Merchant, until } from "../support/merchant.ts";
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

type Member = Awaited<ReturnType<typeof joinAs>>;
let members = 0;
const colleague = () => joinAs(system, owner, "admin", `live-${++members}@merchant.example`);
const store = () => owner.account.storeId;

const endings: [what: string, (member: Member) => Promise<unknown>][] = [
  ["logs out", ({ account }) => post(`${system.url}/auth/logout`, { refreshToken: account.refreshToken })],
  ["logs out everywhere", (member) => member.call("DELETE", "/auth/sessions")],
  ["is given another role", ({ userId }) => setRole(owner, store(), userId, "customer")],
  ["is removed from the store", ({ userId }) => remove(owner, store(), userId)],
  [
    "has a refresh token that was used twice",
    async ({ account: { refreshToken } }) => {
      await post(`${system.url}/auth/refresh`, { refreshToken });
      await post(`${system.url}/auth/refresh`, { refreshToken });
    },
  ],
];

test.each(endings)("the sockets of somebody who %s close with 4401", async (_, end) => {
  const member = await colleague();
  const sockets = [
    await LiveSocket.listen(system.url, member.credential, "protocol", ["carts"]),
    await LiveSocket.listen(system.url, member.credential, "frame", []),
  ];
  const others = await LiveSocket.listen(system.url, owner.credential, "protocol", ["carts"]);
  await end(member);
  await until("the sockets close", async () => sockets.every(({ closed }) => closed?.code === 4401));
  const late = await LiveSocket.open(system.url);
  late.send("authenticate", { token: member.credential });
  await until("a late one closes", async () => late.closed?.code === 4401);
  expect(others.closed).toBeNull();
  others.close();
});
