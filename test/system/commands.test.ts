/** The commands as a person runs them: simulate, deploy --dry-run, and a server that cannot start. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { register, type System, startSystem } from "../support/system.ts";

const CLI = resolve(import.meta.dirname, "../../workers/cli");
const folder = mkdtempSync(join(tmpdir(), "cartwake-commands-"));
let system: System;

beforeAll(async () => {
  system = await startSystem();
});
afterAll(async () => {
  await system?.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function command(name: string, ...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [join(CLI, `${name}.ts`), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_OPTIONS: "", CLOUDFLARE_API_TOKEN: "" },
  });
  const ended: Ended = { code: null, stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    ended.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    ended.stderr += text;
  });
  return new Promise((done, failed) => {
    child.once("error", failed);
    child.once("close", (code) => done({ ...ended, code }));
  });
}

const ROWS = ["view", "cart", "cart", "purchase"].map(
  (type, i) => `2019-10-01 00:00:0${i} UTC,${type},1004237,205,electronics.smartphone,apple,1081.98,5358,session-1`,
);
const HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session";

describe("simulate", () => {
  it("replays a dataset once, whatever the number of runs", async () => {
    const file = join(folder, "events.csv");
    writeFileSync(file, [HEADER, ...ROWS, ROWS[1]!.replace("session-1", "")].join("\n"));
    const { key, accessToken } = await register(system.url, { currency: "USD" });
    const args = ["--url", system.url, "--key", key, "--dataset", file, "--json"];
    const first = await command("simulate", ...args);
    expect(first, first.stderr).toMatchObject({ code: 0 });
    const counts = { sessions: 1, events: 4, rejected: 0, failed: 0, skipped: 1, complete: true };
    expect(JSON.parse(first.stdout)).toMatchObject({ ...counts, accepted: 4, duplicates: 0 });
    const again = JSON.parse((await command("simulate", ...args)).stdout);
    expect(again).toMatchObject({ ...counts, accepted: 0, duplicates: 4 });
    const cart = await fetch(`${system.url}/v1/carts/session-1`, {
      headers: { authorization: `Bearer ${accessToken}` },
    });
    expect(await cart.json()).toMatchObject({
      status: "purchased",
      order: { total: { amount: "1081.98", currency: "USD" } },
    });
  });

  it("replays the made-up shoppers in any order without a refusal", async () => {
    const { key } = await register(system.url);
    const args = ["--url", system.url, "--key", key, "--limit", "200", "--shuffle", "3", "--json"];
    const { code, stdout, stderr } = await command("simulate", ...args);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ events: 200, accepted: 200, rejected: 0, complete: true });
  });

  it("says what to do about a wrong key, a missing file and a wrong option", async () => {
    const wrongKey = await command("simulate", "--url", system.url, "--key", "cw_pk_none", "--limit", "1");
    expect(wrongKey).toMatchObject({ code: 1, stderr: expect.stringContaining("publishable key") });
    const noFile = await command("simulate", "--url", system.url, "--key", "k", "--file", join(folder, "none"));
    expect(noFile).toMatchObject({ code: 1, stderr: expect.stringContaining("there is no file") });
    const wrong = await command("simulate", "--speed", "2");
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining("Usage:") });
  });
});

describe("serve", () => {
  it("names the process that holds the state folder", async () => {
    const second = await command("serve", "--port", "0", "--state", system.state);
    expect(second).toMatchObject({ code: 1, stdout: "" });
    expect(second.stderr).toMatch(/is in use by process \d+\nnext: {2}stop it/);
  });

  it("names another port when its own is taken, and leaves the folder free", async () => {
    const state = join(folder, "state");
    const taken = await command("serve", "--port", new URL(system.url).port, "--state", state);
    expect(taken).toMatchObject({ code: 1, stderr: expect.stringMatching(/port \d+ is in use\nnext: .*--port 0/) });
    const again = await startSystem({ state });
    await again.stop();
  });
});

it("deploy --dry-run shows its steps and bundles without an account", async () => {
  const { code, stdout, stderr } = await command("deploy", "--dry-run");
  expect(code, stderr).toBe(0);
  expect(stdout).toContain("wrangler d1 migrations apply cartwake --remote");
  expect(stdout).toContain("The production config bundles.");
});
