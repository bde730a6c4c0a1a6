/**
 * `npm test`: format and lint, types, then the vitest projects, each with its own report. The very last line is the count
 * alone, `N passed, N failed`; the exit code is 1 on any failure, and when nothing ran. `npm test -- unit actor` runs a part.
 * The system tests, which mostly wait, run while the other parts compute; what a part says is then shown when it ends.
 */
import { type StdioOptions, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { scratchFolder } from "./support/scratch.ts";

const ROOT = resolve(import.meta.dirname, "..");
const USAGE = `Usage: npm test [-- lint types unit actor system browser]\n\nRuns the named parts, all of them by default.\n`;

export interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

/** As much of vitest's JSON report as is counted. */
interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests?: number;
  numTodoTests?: number;
  testResults: { status: string; assertionResults: { status: string }[] }[];
}

/** Counts a report. A file that failed outside its tests counts as one failure, as does a failing exit that shows none. */
export function countReport(report: Report | null, exitCode: number): Count {
  if (report === null) return { passed: 0, failed: 1, skipped: 0 };
  const brokenFiles = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some(({ status }) => status === "failed"),
  ).length;
  const failed = report.numFailedTests + brokenFiles;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0),
  };
}

export const countLine = ({ passed, failed, skipped }: Count): string =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;

/** Runs one command of a part; `show` takes what it says, which otherwise goes where this process's own output goes. */
type Run = (command: string, args: string[]) => Promise<number>;
type Part = (run: Run) => Promise<Count>;

const runner =
  (show?: (text: string) => void): Run =>
  (command, args) =>
    new Promise((done) => {
      const output = show ? "pipe" : "inherit";
      const stdio: StdioOptions = ["ignore", output, output];
      const colours = show && process.stdout.isTTY ? { FORCE_COLOR: "1" } : {};
      const child = spawn(command, args, { cwd: ROOT, stdio, env: { ...process.env, ...colours } });
      child.stdout?.setEncoding("utf8").on("data", (text: string) => show?.(text));
      child.stderr?.setEncoding("utf8").on("data", (text: string) => show?.(text));
      child.on("error", (error) => {
        process.stderr.write(`${command}: ${error.message}\n`);
        done(1);
      });
      child.on("close", (code) => done(code ?? 1));
    });

const tool = (name: string): string => join(ROOT, "node_modules", ".bin", name);

const check =
  (commands: [string, string[]][]): Part =>
  async (run) => {
    for (const [command, args] of commands)
      if ((await run(command, args)) !== 0) return { passed: 0, failed: 1, skipped: 0 };
    return { passed: 1, failed: 0, skipped: 0 };
  };

const lint = check([[tool("biome"), ["check", "."]]]);

const types = check(
  ["tsconfig.json", "tsconfig.node.json", "tsconfig.app.json"].map((config): [string, string[]] => [
    process.execPath,
    [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", config],
  ]),
);

const project =
  (name: string, folder: string): Part =>
  async (run) => {
    const file = join(folder, `${name}.json`);
    const vitest = [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", "--project", name, "--passWithNoTests"];
    const code = await run(process.execPath, [
      ...vitest,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${file}`,
    ]);
    return countReport(readReport(file), code);
  };

function readReport(file: string): Report | null {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Report;
  } catch {
    return null;
  }
}

/** Parts that run at the same time as those of the other row, and after those before them in their own. */
const ROWS = [["lint", "types", "unit", "actor", "browser"], ["system"]];

async function main(wanted: string[]): Promise<number> {
  const folder = mkdtempSync(join(scratchFolder(), "cartwake-tests-"));
  // What a part leaves behind goes with the folder.
  process.env.TMPDIR = folder;
  const projects = ["unit", "actor", "system", "browser"].map((name) => [name, project(name, folder)] as const);
  const parts = new Map<string, Part>([["lint", lint], ["types", types], ...projects]);
  const unknown = wanted.filter((name) => !parts.has(name));
  if (unknown.length > 0) {
    process.stderr.write(`${unknown.join(", ")}: no such part\n\n${USAGE}`);
    return 1;
  }
  const rows = ROWS.map((row) => row.filter((name) => wanted.length === 0 || wanted.includes(name)));
  const alone = rows.some((row) => row.length === 0);
  const total: Count = { passed: 0, failed: 0, skipped: 0 };
  await Promise.all(
    rows.map(async (row) => {
      for (const name of row) {
        const count = await show(name, parts.get(name)!, alone);
        for (const key of ["passed", "failed", "skipped"] as const) total[key] += count[key];
      }
    }),
  );
  rmSync(folder, { recursive: true, force: true });
  process.stdout.write(`${countLine(total)}\n`);
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
}

/** Runs a part. What it says is kept until it ends, unless it runs alone: two that speak at once are read by nobody. */
async function show(name: string, part: Part, alone: boolean): Promise<Count> {
  process.stdout.write(`== ${name}${alone ? "" : ": started"}\n`);
  const started = performance.now();
  const said: string[] = [];
  const count = await part(runner(alone ? undefined : (text) => said.push(text)));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${said.join("")}== ${name}: ${countLine(count)} (${seconds} s)\n`);
  return count;
}

if (import.meta.main) {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) process.stdout.write(USAGE);
  else process.exitCode = await main(args);
}
