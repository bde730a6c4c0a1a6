import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { describe, expect, it } from "vitest";
import { houseErrors, importsOf, isPure, type Source } from "../support/imports.ts";

const ROOT = join(import.meta.dirname, "../..");

const sources: Source[] = ["shared", "objects", "workers"].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name) && !name.includes("node_modules"))
    .map((name) => ({
      path: `${folder}/${name.split(sep).join("/")}`,
      text: readFileSync(join(ROOT, folder, name), "utf8"),
    })),
);

describe("the house", () => {
  it("nobody imports whom they must not", () => {
    expect(sources.length).toBeGreaterThan(50);
    expect(houseErrors(sources)).toEqual([]);
  });

  it("what decides is pure", () => {
    const pure = sources.filter(isPure).map(({ path }) => path);
    expect(pure).toEqual(
      expect.arrayContaining([
        "objects/cart/decide.ts",
        "objects/cart/fold.ts",
        "objects/cart/journey.ts",
        "objects/cart/ledger.ts",
        "objects/cart/reconcile.ts",
        "objects/cart/timers.ts",
        "objects/shopper/decide.ts",
        "objects/store/rollup.ts",
      ]),
    );
  });

  it("only the entry point imports actor classes", () => {
    const classes = /^objects\/(\w+)\/\1\.ts$/;
    const importers = sources
      .flatMap(importsOf)
      .filter(({ target, typeOnly }) => classes.test(target) && !typeOnly)
      .map(({ from }) => from);
    expect([...new Set(importers)]).toEqual(["workers/index.ts"]);
  });
});

describe("the scanner", () => {
  const errorsIn = (path: string, text: string): string[] => houseErrors([{ path, text }]);

  it.each([
    ["shared/a.ts", 'import { DurableObject } from "cloudflare:workers";'],
    ["shared/a.ts", 'import { cartStub } from "../objects/stubs.ts";'],
    ["shared/x/a.ts", 'import type { Env } from "../../workers/env.ts";'],
    ["objects/cart/cart.ts", 'import { Store } from "../store/store.ts";'],
    ["objects/cart/cart.ts", 'import {\n  Store,\n  type Other,\n} from "../store/store.ts";'],
    ["objects/cart/cart.ts", 'export { Store } from "../store/store.ts";'],
    ["objects/cart/cart.ts", 'import "../store/store.ts";'],
    ["objects/cart/cart.ts", 'const s = await import("../store/store.ts");'],
    ["objects/cart/cart.ts", 'import type { Env } from "../../workers/env.ts";'],
    ["objects/kit/timers.ts", 'import type { Cart } from "../cart/cart.ts";'],
    ["objects/stubs.ts", 'import { Cart } from "./cart/cart.ts";'],
    ["workers/gateway/a.ts", 'import { send } from "../interventions/sender.ts";'],
    ["workers/gateway/routes/a.ts", 'import type { X } from "../../ingest/x.ts";'],
    ["workers/gateway/a.ts", 'import { Cart } from "../../objects/cart/cart.ts";'],
    ["workers/gateway/a.ts", 'import { decide } from "../../objects/cart/decide.ts";'],
    ["workers/gateway/a.ts", 'import { build } from "../storefront/build.ts";'],
    ["workers/cli/a.ts", 'import { shop } from "../storefront/shop/main.ts";'],
    ["workers/jobs/a.ts", 'import { T0 } from "../../test/support/cart-life.ts";'],
    ["objects/cart/decide.ts", "const now = Date.now();"],
    ["objects/cart/fold.ts", "export const id = Math.random();"],
    ["objects/store/rollup.ts", "/** Counting. Pure. */\nexport async function f() {}"],
    ["objects/cart/decide.ts", 'import { Alarm } from "../kit/alarm.ts";'],
    ["workers/gateway/a.ts", "env.CART.getByName(body.storeId)"],
  ])("sees what is wrong in %s: %s", (path, text) => {
    expect(errorsIn(path, text)).toHaveLength(1);
  });

  it.each([
    [
      "shared/a.ts",
      'import * as z from "zod";\nimport { createHash } from "node:crypto";\nimport { x } from "./b.ts";',
    ],
    [
      "objects/cart/cart.ts",
      'import { DurableObject } from "cloudflare:workers";\nimport { Alarm } from "../kit/alarm.ts";',
    ],
    [
      "objects/cart/cart.ts",
      'import type { Store } from "../store/store.ts";\nimport { storeStub } from "../stubs.ts";',
    ],
    ["objects/cart/cart.ts", '// import { Store } from "../store/store.ts";\n/* import "../store/store.ts"; */'],
    ["objects/cart/decide.ts", "// Date.now() would be a lie here\nexport const f = (now: number) => now;"],
    [
      "workers/gateway/a.ts",
      'import { cartStub } from "../../objects/stubs.ts";\nimport type { Env } from "../env.ts";',
    ],
    ["workers/cli/build.ts", 'import { buildDashboard } from "../dashboard/build.ts";'],
    ["workers/index.ts", 'export { Cart } from "../objects/cart/cart.ts";'],
    ["objects/cart/cart.ts", 'const text = "import x from nowhere";\nconst now = Date.now();'],
  ])("has nothing against %s: %s", (path, text) => {
    expect(errorsIn(path, text)).toEqual([]);
  });
});
