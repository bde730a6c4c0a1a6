/** Where things are, from this file's own place: commands work from any current folder. */
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../..");
export const DIST = join(ROOT, "dist");
export const PUBLIC = join(DIST, "public");
export const WORKER = join(DIST, "worker");
export const WRANGLER_CONFIG = join(ROOT, "wrangler.toml");
export const MIGRATIONS = join(ROOT, "migrations");
export const bin = (name: string): string => join(ROOT, "node_modules", ".bin", name);
