/** `npm run evaluate`: what it reads, and what it finds on the real sets, where they lie beside the project. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "../../shared/model/model.ts";
import { foldsOf, rowsOf } from "../../shared/model/train/split.ts";
import { random } from "../../shared/random.ts";
import { CommandError } from "../../workers/cli/command.ts";
import { fit, judge, probabilities } from "../../workers/cli/evaluate/fit.ts";
import { type Row, readTable } from "../../workers/cli/evaluate/table.ts";
import { datasetOf, TASKS, type Task, type TaskName } from "../../workers/cli/evaluate/tasks.ts";

const DATA = resolve(import.meta.dirname, "../../../shared/data");
const FILES: Record<TaskName, string> = {
  retailrocket: join(DATA, "retailrocket_cart_moments.csv.gz"),
  uci: join(DATA, "uci_online_shoppers.csv.gz"),
};
const COMMAND = resolve(import.meta.dirname, "../../workers/cli/evaluate.ts");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "cartwake-evaluate-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

/** Made-up rows in the form of the UCI set: those who saw a page of value buy more often. */
function sessions(rows: number, seed: number): string {
  const draw = random(seed);
  const lines = [TASKS.uci.columns.join(",")];
  for (let row = 0; row < rows; row++) {
    const cells: Record<string, string | number> = {};
    for (const column of TASKS.uci.columns) cells[column] = draw.below(20);
    const value = draw.unit() < 0.3 ? draw.below(60) : 0;
    Object.assign(cells, { PageValues: value, Month: "Nov", VisitorType: "New_Visitor", Weekend: "TRUE" });
    cells.Revenue = draw.unit() < (value > 0 ? 0.6 : 0.05) ? "True" : "False";
    lines.push(TASKS.uci.columns.map((column) => cells[column]).join(","));
  }
  return `${lines.join("\n")}\n`;
}

async function evaluate(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [COMMAND, ...args]);
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}

describe("the command", () => {
  it("prints one JSON line with figures and intervals, the same at every run, or a table", async () => {
    const files = ["--train", file("a.csv.gz", gzipSync(sessions(500, 1))), "--test", file("b.csv", sessions(400, 2))];
    const first = await evaluate("--task", "uci", ...files, "--json");
    expect(first).toMatchObject({ code: 0 });
    const found = JSON.parse(first.out);
    expect(first.out.trim().split("\n")).toHaveLength(1);
    expect(found).toMatchObject({ task: "uci", n: 400 });
    for (const figure of ["rocAuc", "prAuc", "logLoss", "brier", "ece"]) {
      const [low, high] = found.intervals[figure];
      expect(found[figure]).toBeGreaterThanOrEqual(low);
      expect(found[figure]).toBeLessThanOrEqual(high);
    }
    expect(found.rocAuc).toBeGreaterThan(0.75);
    const again = await evaluate("--task", "uci", ...files);
    expect(again.out).toContain(found.rocAuc.toFixed(4));
    expect(again.out).toContain("ROC-AUC");
  });

  it("says what is wrong and what to do next, without a stack", async () => {
    const good = file("good.csv", sessions(50, 3));
    const wrong = file("wrong.csv", "a,b\n1,2\n");
    const said = async (...args: string[]): Promise<string> => {
      const { code, err, out } = await evaluate(...args);
      expect(code).toBe(1);
      expect(out).toBe("");
      expect(err).not.toContain("    at ");
      return err;
    };
    expect(await said()).toContain("Usage");
    expect(await said("--task", "mnist", "--train", good, "--test", good)).toContain("retailrocket or uci");
    const absent = await said("--task", "uci", "--train", join(folder, "none.csv"), "--test", good);
    expect(absent).toContain("no file");
    expect(absent).toContain("next:  check the path after --train");
    expect(await said("--task", "uci", "--train", good, "--test", wrong)).toContain("no column Administrative");
  });
});

describe("a file", () => {
  const read = (content: string | Uint8Array, name = "x.csv"): Row[] =>
    readTable(file(name, content), ["a"], "--train");

  it("may be gzip, quoted, and have empty cells", () => {
    const [row] = read(gzipSync('a,b\n"1.5",\n'));
    expect(row!.number("a")).toBe(1.5);
    expect(row!.number("b")).toBeNaN();
  });

  it("is refused where a cell is no number, a row too short, gzip broken or nothing in it", () => {
    expect(() => read("a,b\n1,2\nx,2\n")[1]!.number("a")).toThrow('line 3: a is "x", not a number');
    expect(() => read("a\n1e999\n")[0]!.number("a")).toThrow("not a number");
    expect(() => read("a,b\n1\n")).toThrow("line 2: 1 cells, not 2");
    expect(() => read("a\n2\n")[0]!.flag("a")).toThrow("not True or False");
    expect(() => read(gzipSync("a\n1\n").subarray(0, 15))).toThrow(CommandError);
    expect(() => read("a\n")).toThrow("no rows");
    expect(() => read("")).toThrow("no rows");
  });
});

it.skipIf(!existsSync(FILES.retailrocket))("a feature is told from its own row, whatever comes later", () => {
  const { columns } = TASKS.retailrocket;
  const rows = readTable(FILES.retailrocket, columns, "--train").slice(0, 400);
  const whole = datasetOf(TASKS.retailrocket, rows);
  for (const upTo of [1, 57, 399])
    datasetOf(TASKS.retailrocket, rows.slice(0, upTo)).columns.forEach((column, feature) => {
      expect(column).toEqual(whole.columns[feature]!.slice(0, upTo));
    });
});

/** A short round: a quarter of the visitors to learn from, a quarter to be judged on, few trees, and no linear extras. */
const LEAST: Record<TaskName, { rocAuc: number; logLoss: number }> = {
  retailrocket: { rocAuc: 0.65, logLoss: 0.52 },
  uci: { rocAuc: 0.91, logLoss: 0.25 },
};

const takeRows = ({ features, columns, labels, groups }: Dataset, rows: Int32Array): Dataset => ({
  features,
  columns: columns.map((column) => Float64Array.from(rows, (row) => column[row]!)),
  labels: Uint8Array.from(rows, (row) => labels[row]!),
  groups: Float64Array.from(rows, (row) => groups[row]!),
  times: new Float64Array(rows.length),
});

describe("the real sets (skipped where ../shared/data is absent)", () => {
  it.skipIf(!existsSync(DATA)).each(["retailrocket", "uci"] as const)(
    "%s: held-back visitors",
    { timeout: 240_000 },
    async (name) => {
      const own: Task = TASKS[name];
      const features = Object.entries(own.features).filter(([feature]) => !own.options.linearOnly.includes(feature));
      const task = { ...own, features: Object.fromEntries(features) };
      const data = datasetOf(task, readTable(FILES[name], task.columns, "--train"));
      const part = foldsOf(data.groups, 4, 5);
      const boost = own.options.boost.map((options) => ({ ...options, learningRate: 0.15, rounds: 50 }));
      const options = { ...own.options, folds: 3, bags: 1, l2: [30], boost };
      const { model } = await fit(takeRows(data, rowsOf(part, 0, true)), options, 1, () => {});
      const test = takeRows(data, rowsOf(part, 1, true));
      const { all } = judge(probabilities(model, test), test, null, 50, 1);
      expect(all.rocAuc.value).toBeGreaterThan(LEAST[name].rocAuc);
      expect(all.logLoss.value).toBeLessThan(LEAST[name].logLoss);
      expect(all.ece.value).toBeLessThan(0.05);
    },
  );
});
