import { describe, expect, it } from "vitest";
import { DEVICE_TTL_MS, readDevice, signDevice } from "../../shared/auth/device-tokens.ts";
import { mac } from "../../shared/auth/hmac.ts";
import { readStepToken, STEP_TTL_MS, type StepClaims, signStepToken } from "../../shared/auth/step-tokens.ts";
import { base64url } from "../../shared/ids.ts";

const SECRET = "a-secret-of-this-test";
const AT = Date.UTC(2026, 0, 1);
const claims: StepClaims = { user: "us_1", store: "st_1", failures: 2, expires: AT + STEP_TTL_MS };
const BOUND = "the row as it was";

const read = (token: string, now = AT, bound: string | null = BOUND, secret = SECRET) =>
  readStepToken(token, secret, now, async () => bound);

describe("the token between the two steps of a login", () => {
  it("says whose login it is, for five minutes", async () => {
    const token = await signStepToken(claims, BOUND, SECRET);
    expect(await read(token)).toEqual(claims);
    expect(await read(token, AT + 5 * 60_000 - 1)).toEqual(claims);
    expect(await read(token, AT + 5 * 60_000)).toBeNull();
  });

  it("dies with the row it was made from", async () => {
    const token = await signStepToken(claims, BOUND, SECRET);
    expect(await read(token, AT, "after a success")).toBeNull();
    expect(await read(token, AT, null)).toBeNull();
  });

  it("is not an access token: those have three parts", async () => {
    expect((await signStepToken(claims, BOUND, SECRET)).split(".")).toHaveLength(2);
  });

  it("of another secret, user, store or time is forged", async () => {
    const token = await signStepToken(claims, BOUND, SECRET);
    expect(await read(token, AT, BOUND, "another-secret-of-it")).toBeNull();
    const given = token.split(".")[1]!;
    for (const change of [{ user: "us_2" }, { store: "st_2" }, { failures: -100 }, { expires: AT * 2 }]) {
      const { user, store, failures, expires } = { ...claims, ...change };
      const body = base64url(new TextEncoder().encode(JSON.stringify([user, store, failures, expires])));
      expect(await read(`${body}.${given}`), JSON.stringify(change)).toBeNull();
    }
  });

  it("signed for another purpose is forged", async () => {
    const [body] = (await signStepToken(claims, BOUND, SECRET)).split(".") as [string];
    expect(await read(`${body}.${await mac("account-link invitation", [body, BOUND], SECRET)}`)).toBeNull();
  });

  it.each([
    "",
    ".",
    "a.b",
    `W10.${"A".repeat(43)}`,
    `bnVsbA.${"A".repeat(43)}`,
    `e30.${"A".repeat(43)}`,
    "x".repeat(600),
  ])("that is none (%j) is refused without a throw", async (token) => {
    expect(await read(token)).toBeNull();
  });
});

describe("the token of a device that is known to an account", () => {
  const device = { id: "A".repeat(22), userId: `us_${"0a".repeat(10)}` };
  const known = (token: string, now = AT, bound: string | null = BOUND, secret = SECRET) =>
    readDevice(token, secret, now, async (userId) => (userId === device.userId ? bound : "the row of another"));

  it("says so for 400 days, and no longer than the password is the same", async () => {
    const token = await signDevice(device, BOUND, SECRET, AT);
    expect(token).toMatch(/^[\w.-]{1,200}$/);
    expect(await known(token, AT + DEVICE_TTL_MS - 1)).toEqual(device);
    expect(await known(token, AT + DEVICE_TTL_MS)).toBeNull();
    expect(await known(token, AT, "a new hash")).toBeNull();
    expect(await known(token, AT, null)).toBeNull();
    expect(await known(token, AT, BOUND, "another-secret-of-it")).toBeNull();
  });

  it("is forged when it names another user, device or end, or is no such token", async () => {
    const [userId = "", id = "", expires = "", given = ""] = (await signDevice(device, BOUND, SECRET, AT)).split(".");
    const forged = [
      [userId.replace("0a", "0b"), id, expires, given],
      [userId, "B".repeat(22), expires, given],
      [userId, id, `${expires}0`, given],
      [userId, id, expires, "A".repeat(43)],
      [userId, id, expires],
      [userId, id, expires, given, ""],
    ];
    for (const parts of forged) expect(await known(parts.join(".")), parts.join(".")).toBeNull();
    for (const text of ["", ".", "...", "__proto__.x.y.z", "a".repeat(5_000)]) expect(await known(text)).toBeNull();
  });
});
