import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CommandError, numberOption, readOptions, UsageExit } from "../../workers/cli/command.ts";
import { isDue } from "../../workers/cli/cron.ts";
import { isAlive, killProcess, processMark, takeLock } from "../../workers/cli/lock.ts";
import { splitStatements } from "../../workers/cli/migrate.ts";
import { bucketsOf, productionConfig, queuesOf } from "../../workers/cli/production.ts";
import { readVars } from "../../workers/cli/serve.ts";
import { planShopper, totalMinor } from "../../workers/cli/shop/plan.ts";
import { openState, secretsOf } from "../../workers/cli/state.ts";
import { countLine, countReport } from "../run.ts";

const WRANGLER = readFileSync(resolve(import.meta.dirname, "../../wrangler.toml"), "utf8");
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cartwake-cli-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A process that lives until it is killed. */
const sleeper = () => spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
const started = (child: ReturnType<typeof sleeper>) => new Promise((done) => child.once("spawn", done));
/** The pid of a process that has ended. */
const deadPid = (): number => spawnSync(process.execPath, ["-e", ""]).pid;

describe("options", () => {
  it("wrong ones answer with the usage", () => {
    expect(() => readOptions("Usage: x", { port: { type: "string" } }, ["--prot", "1"])).toThrow(/--prot.*Usage: x/s);
    expect(() => readOptions("Usage: x", {}, ["--help"])).toThrow(UsageExit);
    expect(readOptions("", { port: { type: "string" } }, ["--port", "1"]).port).toBe("1");
  });

  it("numbers keep to their bounds", () => {
    expect(numberOption("port", undefined, 8787, 0, 65_535)).toBe(8787);
    expect(numberOption("port", "80", 8787, 0, 65_535)).toBe(80);
    for (const text of ["", "x", "-1", "70000"])
      expect(() => numberOption("port", text, 1, 0, 65_535)).toThrow("--port");
  });

  it("variables may hold an equals sign", () => {
    expect(readVars(["A=1", "SMTP_URL=smtp://u:p=x@h"])).toEqual({ A: "1", SMTP_URL: "smtp://u:p=x@h" });
    expect(() => readVars(["A"])).toThrow("NAME=VALUE");
  });
});

describe("a lock", () => {
  const path = () => join(folder, "lock");

  it("is had by one living process, and names it", () => {
    const first = takeLock(path(), { note: 1 });
    expect(takeLock(path(), {})).toMatchObject({ ok: false, holder: { pid: process.pid } });
    if (first.ok) first.lock.release();
    expect(takeLock(path(), {})).toMatchObject({ ok: true, stale: null });
    expect(readdirSync(folder)).toEqual(["lock"]);
  });

  it("of a dead process is taken over, with what it said", () => {
    writeFileSync(path(), JSON.stringify({ holder: { pid: deadPid(), mark: "1 node" }, note: 7 }));
    expect(takeLock(path(), { note: 8 })).toMatchObject({ ok: true, stale: { note: 7 } });
  });

  it("of a process whose pid is another's by now is taken over", () => {
    writeFileSync(path(), JSON.stringify({ holder: { pid: process.pid, mark: "0 other" } }));
    expect(takeLock(path(), {})).toMatchObject({ ok: true });
  });
});

describe("a state folder", () => {
  it("ends the runtime that a killed server left behind", async () => {
    const orphan = sleeper();
    await started(orphan);
    const runtime = processMark(orphan.pid!);
    const lock = { holder: { pid: deadPid(), mark: "1 node" }, url: "http://x", runtime };
    writeFileSync(join(folder, "serve.lock"), JSON.stringify(lock));
    const state = await openState(folder, "http://y");
    expect(isAlive(runtime)).toBe(false);
    await expect(openState(folder, "http://z")).rejects.toThrow(CommandError);
    state.release();
  });

  it("keeps its secrets to itself and over restarts", () => {
    const secrets = secretsOf(folder);
    expect(secretsOf(folder)).toEqual(secrets);
    expect(secrets.LINK_SECRET).not.toBe(secrets.AUTH_SECRET);
    expect(secrets.LINK_SECRET).toMatch(/^[\w-]{43}$/);
  });

  it("never kills a process that merely has the pid", async () => {
    const other = sleeper();
    await started(other);
    expect(await killProcess({ pid: other.pid!, mark: "1 workerd" })).toBe(false);
    expect(await killProcess(processMark(other.pid!))).toBe(true);
  });
});

it("splits migrations at drizzle's marker", () => {
  const sql =
    "CREATE TABLE a (x);\n--> statement-breakpoint\nCREATE TABLE b (y);\n--> statement-breakpoint\n-- the end\n";
  expect(splitStatements(sql)).toEqual(["CREATE TABLE a (x);", "CREATE TABLE b (y);"]);
});

it.each([
  ["*/5 * * * *", "2026-11-21T10:05:00Z", true],
  ["*/5 * * * *", "2026-11-21T10:06:00Z", false],
  ["0 3 * * *", "2026-11-21T03:00:00Z", true],
  ["0,30 8-10 * * *", "2026-11-21T09:30:00Z", true],
  ["0 0 1 JAN *", "2026-01-01T00:00:00Z", true],
  ["0 0 * * 7", "2026-11-21T00:00:00Z", true],
  ["0 0 * * SUN", "2026-11-21T00:00:00Z", false],
  ["0 0 13 * FRI", "2026-11-20T00:00:00Z", true],
  ["nonsense", "2026-11-21T00:00:00Z", false],
])("the cron %s at %s is due: %s", (cron, at, due) => expect(isDue(cron, new Date(at))).toBe(due));

describe("the production config", () => {
  it("has the AI binding, the real database and no secret as a variable", () => {
    const config = productionConfig(WRANGLER, { databaseId: "d-1", toRoot: ".." });
    expect(config).toContain('main = "../workers/index.ts"');
    expect(config).toContain('directory = "../dist/public"');
    expect(config).toContain('migrations_dir = "../migrations"');
    expect(config).toContain('database_id = "d-1"');
    expect(config).toContain('[ai]\nbinding = "AI"');
    expect(config).not.toMatch(/^(LINK|AUTH)_SECRET/m);
    expect(WRANGLER).not.toMatch(/^\[ai\]/m);
  });

  it("names every queue once", () => {
    const queues = queuesOf(WRANGLER);
    expect(queues).toEqual(expect.arrayContaining(["dead-letters", "events", "interventions", "scoring"]));
    expect(new Set(queues).size).toBe(queues.length);
  });

  it("names every bucket", () => {
    expect(bucketsOf(WRANGLER)).toEqual(["cartwake-artefacts"]);
  });
});

describe("the simulated shoppers", () => {
  it("are the same for the same seed, and the scripted one leaves a cart and an address", () => {
    expect(planShopper(5, "r", 1)).toEqual(planShopper(5, "r", 1));
    expect(planShopper(5, "r", 2)).not.toEqual(planShopper(5, "r", 1));
    const sure = planShopper(1, "r", 1, true);
    expect(sure).toMatchObject({ fate: "sure", email: expect.stringContaining("@"), buysAfterClick: true });
    expect(sure.clickAfterMs).not.toBeNull();
    expect(totalMinor(sure.lines)).toBeGreaterThan(0);
    expect(sure.beacons.flatMap(({ events }) => events).map(({ type }) => type)).not.toContain("checkout_completed");
  });

  it("buy what is in their carts", () => {
    for (let number = 1; number < 300; number++) {
      const { beacons, lines, fate, email } = planShopper(number, "r", 1);
      const cart = new Map<string, number>();
      for (const { type, data } of beacons.flatMap(({ events }) => events)) {
        const { productId, quantity } = (data.item ?? {}) as { productId: string; quantity: number };
        if (type === "product_added_to_cart") cart.set(productId, (cart.get(productId) ?? 0) + quantity);
        if (type === "product_removed_from_cart") cart.delete(productId);
      }
      expect(Object.fromEntries(cart)).toEqual(
        Object.fromEntries(lines.map((line) => [line.product.id, line.quantity])),
      );
      if (fate === "buys") expect(email).not.toBeNull();
      if (fate !== "browses") expect(lines.length).toBeGreaterThan(0);
    }
  });
});

describe("the count of a test run", () => {
  const file = (status: string, ...tests: string[]) => ({
    status,
    assertionResults: tests.map((status) => ({ status })),
  });

  it("adds up tests, broken files and silent failures", () => {
    const report = {
      numPassedTests: 3,
      numFailedTests: 1,
      numPendingTests: 2,
      testResults: [file("failed", "failed")],
    };
    expect(countReport(report, 1)).toEqual({ passed: 3, failed: 1, skipped: 2 });
    expect(countReport({ ...report, testResults: [...report.testResults, file("failed")] }, 1).failed).toBe(2);
    expect(countReport({ numPassedTests: 3, numFailedTests: 0, testResults: [] }, 1).failed).toBe(1);
    expect(countReport(null, 0).failed).toBe(1);
  });

  it("is one plain line", () => {
    expect(countLine({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
    expect(countLine({ passed: 3, failed: 1, skipped: 2 })).toBe("3 passed, 1 failed, 2 skipped");
  });
});
