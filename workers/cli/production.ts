/** The production config, derived from wrangler.toml: what only an account has, and what must not be a plain variable. Pure. */
export interface Production {
  /** The id of the D1 database, `null` while there is none. */
  databaseId: string | null;
  /** Leads from the folder of the production config to the project, e.g. `..`. */
  toRoot: string;
}

/** Variables of wrangler.toml that are secrets in production: a variable of the same name would replace the secret. */
export const SECRETS = ["LINK_SECRET", "AUTH_SECRET"] as const;

/** Keys whose values are paths from the config's folder. */
const PATHS = /^(\s*(?:main|directory|migrations_dir)\s*=\s*)"([^"]+)"/;
const SECRET = new RegExp(`^\\s*(?:${SECRETS.join("|")})\\s*=`);
const DATABASE_ID = /^(\s*database_id\s*=\s*)"[^"]*"/;
/** Absent locally: its presence makes every local start ask for a login. */
const AI = '\n[ai]\nbinding = "AI"\n';

export function productionConfig(toml: string, { databaseId, toRoot }: Production): string {
  const lines = toml
    .split("\n")
    .filter((line) => !SECRET.test(line))
    .map((line) => line.replace(PATHS, (_, key: string, path: string) => `${key}"${toRoot}/${path}"`))
    .map((line) =>
      databaseId === null ? line : line.replace(DATABASE_ID, (_, key: string) => `${key}"${databaseId}"`),
    );
  const text = lines.join("\n").trimEnd();
  return `# Made by \`npm run deploy\` from wrangler.toml: edit that one.\n${text}\n${/^\s*\[ai\]/m.test(text) ? "" : AI}`;
}

/** Every R2 bucket that wrangler.toml names. */
export function bucketsOf(toml: string): string[] {
  const named = toml.matchAll(/^\s*bucket_name\s*=\s*"([^"]+)"/gm);
  return [...new Set([...named].map((found) => found[1]!))].sort();
}

/** Every queue that wrangler.toml names, as producer, consumer or dead-letter queue. */
export function queuesOf(toml: string): string[] {
  const named = toml.matchAll(/^\s*(?:queue|dead_letter_queue)\s*=\s*"([^"]+)"/gm);
  return [...new Set([...named].map((found) => found[1]!))].sort();
}
