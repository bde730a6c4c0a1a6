/** Who may import whom (the rules of the house), judged on source text alone. */
import { posix } from "node:path";

export interface Source {
  /** From the root of the repository, with slashes. */
  path: string;
  text: string;
}

export interface Import {
  from: string;
  /** A path from the root for a relative import, else the package's name. */
  target: string;
  typeOnly: boolean;
}

const IMPORT = /(?:^|[\n;}])\s*(import|export)\s+(type\s+)?(?:[\w*{][^"';]*?\sfrom\s*)?["']([^"']+)["']/g;
const DYNAMIC = /\bimport\(\s*["']([^"']+)["']/g;

/** Comments gone, so that nothing is judged by what it merely talks about. */
export const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`\\])\/\/[^\n]*/g, "$1");

export function importsOf({ path, text }: Source): Import[] {
  const code = withoutComments(text);
  const resolve = (name: string): string =>
    name.startsWith(".") ? posix.normalize(posix.join(posix.dirname(path), name)) : name;
  const found = [...code.matchAll(IMPORT)].map(([, , type, name]) => ({
    from: path,
    target: resolve(name!),
    typeOnly: type !== undefined,
  }));
  const later = [...code.matchAll(DYNAMIC)].map(([, name]) => ({
    from: path,
    target: resolve(name!),
    typeOnly: false,
  }));
  return [...found, ...later];
}

const HOUSE = /^(shared|objects|workers|test|migrations)\//;
const isPackage = (target: string): boolean => !HOUSE.test(target);
const inside = (target: string, folder: string): boolean => target.startsWith(`${folder}/`);
const folderOf = (path: string, depth: number): string => path.split("/").slice(0, depth).join("/");

/** The CLI's build calls the build functions of the two front ends: they run in Node, before any Worker exists. */
const isBuildCall = ({ from, target }: Import): boolean =>
  inside(from, "workers/cli") &&
  /^workers\/((dashboard|storefront)\/build[\w-]*|storefront\/shop\/products)\.ts$/.test(target);

/** What is wrong with one import, or `null`. */
export function importError(found: Import): string | null {
  const { from, target, typeOnly } = found;
  if (inside(target, "test") && !inside(from, "test")) return "nothing imports test";
  if (inside(from, "shared")) {
    if (inside(target, "shared") || (isPackage(target) && !target.startsWith("cloudflare:"))) return null;
    return "shared imports packages only";
  }
  if (from === "objects/stubs.ts")
    return typeOnly || inside(target, "shared") ? null : "stubs know actors only as types";
  if (inside(from, "objects")) return objectsError(found);
  if (from === "workers/index.ts" || from === "workers/env.ts") return null;
  if (inside(from, "workers")) return workersError(found);
  return null;
}

function objectsError({ from, target, typeOnly }: Import): string | null {
  const own = folderOf(from, 2);
  if (isPackage(target) || inside(target, "shared") || inside(target, own)) return null;
  if (inside(target, "workers")) return "objects do not know workers";
  if (own === "objects/kit") return "the kit knows no actor";
  if (inside(target, "objects/kit") || target === "objects/stubs.ts") return null;
  return typeOnly ? null : "another actor's class is imported only as a type";
}

function workersError(found: Import): string | null {
  const { from, target } = found;
  const own = folderOf(from, 2);
  if (isPackage(target) || inside(target, "shared") || inside(target, own)) return null;
  if (target === "workers/env.ts" || isBuildCall(found)) return null;
  if (inside(target, "workers")) return "two worker folders never import each other";
  if (target === "objects/stubs.ts") return null;
  return "workers know actors only by their stubs";
}

/** Files that decide: they call themselves pure, or belong to what does. */
const PURE_PATH = /^objects\/(cart\/(commands|fold|state)|\w+\/decide)\.ts$/;
export const isPure = ({ path, text }: Source): boolean =>
  inside(path, "objects") && (PURE_PATH.test(path) || /^\/\*\*(?:(?!\*\/)[\s\S])*\bPure\b/.test(text));

const IMPURE = [
  /\bDate\.now\b/,
  /\bnew Date\(\s*\)/,
  /\bMath\.random\b/,
  /\bcrypto\b/,
  /\bperformance\b/,
  /\bfetch\(/,
  /\bsetTimeout\b/,
  /\bconsole\b/,
  /\bprocess\.env\b/,
  /\bthis\.env\b/,
  /\basync\b/,
  /\bawait\b/,
  /\bnewId\b/,
  /\bnewSecret\b/,
  /\blog\(/,
];

/** What is impure in a file that must be pure. */
export function purityErrors(source: Source): string[] {
  const code = withoutComments(source.text);
  const used = IMPURE.filter((word) => word.test(code)).map((word) => `uses ${word.source}`);
  const own = folderOf(source.path, 2);
  const reached = importsOf(source)
    .filter(({ target, typeOnly }) => !typeOnly && !inside(target, "shared") && !inside(target, own))
    .map(({ target }) => `imports ${target}`);
  return [...used, ...reached];
}

/** Everything that is against the rules, as `path: what`. */
export function houseErrors(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const imports = importsOf(source).flatMap((found) => {
      const error = importError(found);
      return error ? [`${source.path}: ${error} (${found.target})`] : [];
    });
    const impure = isPure(source) ? purityErrors(source).map((what) => `${source.path}: pure, but ${what}`) : [];
    const names =
      source.path !== "objects/stubs.ts" && /\b(getByName|idFromName)\(/.test(withoutComments(source.text))
        ? [`${source.path}: actor names are built in objects/stubs.ts`]
        : [];
    return inside(source.path, "test") ? [] : [...imports, ...impure, ...names];
  });
}
