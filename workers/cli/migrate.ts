/** D1 migrations for the local server, kept in the same table as `wrangler d1 migrations apply` keeps them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CommandError, messageOf } from "./command.ts";

/** As much of D1 as is needed here. */
interface Database {
  prepare(sql: string): {
    bind(...values: unknown[]): unknown;
    run(): Promise<unknown>;
    all(): Promise<{ results: unknown[] }>;
  };
  batch(statements: never[]): Promise<unknown>;
}

const TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations(
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`;

/** Applies what is missing, in the order of names, each file with its record in one transaction; answers the names. */
export async function migrate(binding: unknown, folder: string): Promise<string[]> {
  const database = binding as Database;
  await database.prepare(TABLE).run();
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all();
  const applied = new Set((results as { name: string }[]).map(({ name }) => name));
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".sql")) : [];
  const missing = files.filter((name) => !applied.has(name)).sort();
  for (const name of missing) {
    const statements = splitStatements(readFileSync(join(folder, name), "utf8")).map((sql) => database.prepare(sql));
    const record = database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name);
    try {
      await database.batch([...statements, record] as never[]);
    } catch (error) {
      throw new CommandError(
        `the migration ${name} failed: ${messageOf(error)}`,
        "mend it, or start with a new --state",
      );
    }
  }
  return missing;
}

/** Splits on drizzle's marker; a part of comments only is dropped. */
export const splitStatements = (sql: string): string[] =>
  sql
    .split("--> statement-breakpoint")
    .map((part) => part.trim())
    .filter((part) => part.replace(/^\s*--.*$/gm, "").trim() !== "");
