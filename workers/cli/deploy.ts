/** `npm run deploy`: builds, creates what the account lacks, migrates D1, deploys. Running it again changes only what is new. */
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, wrangler } from "./build.ts";
import { CommandError, main, messageOf, progress, readOptions } from "./command.ts";
import { ROOT, WRANGLER_CONFIG } from "./paths.ts";
import { bucketsOf, productionConfig, queuesOf, SECRETS } from "./production.ts";

const USAGE = `
Usage: npm run deploy [-- --dry-run]

Builds, creates the queues, buckets and the database that are missing, applies the migrations, sets the secrets that are
missing, and deploys with \`wrangler deploy\`. Log in first: npx wrangler login, or set CLOUDFLARE_API_TOKEN.
  --dry-run   prints the steps and bundles with the production config; needs no account and no network
`;

const DATABASE = "cartwake";
const CONFIG = join(ROOT, ".wrangler", "production.toml");

function writeConfig(databaseId: string | null): void {
  mkdirSync(join(ROOT, ".wrangler"), { recursive: true });
  writeFileSync(CONFIG, productionConfig(readFileSync(WRANGLER_CONFIG, "utf8"), { databaseId, toRoot: ".." }));
}

async function requireLogin(): Promise<void> {
  // It exits with 1 when nobody is logged in.
  const answer = await wrangler(["whoami", "--json"]).catch((error: unknown) => messageOf(error));
  if (/"loggedIn":\s*true/.test(answer)) return;
  const next = "npx wrangler login, or set CLOUDFLARE_API_TOKEN (and CLOUDFLARE_ACCOUNT_ID); to try without: --dry-run";
  throw new CommandError("wrangler is not logged in to Cloudflare", next);
}

async function ensureDatabase(): Promise<string> {
  const found = await findDatabase();
  if (found) return found;
  await wrangler(["d1", "create", DATABASE]);
  progress(`deploy: created the database ${DATABASE}`);
  const made = await findDatabase();
  if (!made) throw new CommandError(`the database ${DATABASE} was created but is not listed`, "run the command again");
  return made;
}

async function findDatabase(): Promise<string | null> {
  const list = JSON.parse(await wrangler(["d1", "list", "--json"])) as { uuid: string; name: string }[];
  return list.find(({ name }) => name === DATABASE)?.uuid ?? null;
}

async function ensureQueue(name: string): Promise<void> {
  try {
    await wrangler(["queues", "create", name]);
    progress(`deploy: created the queue ${name}`);
  } catch (error) {
    if (!/already (exists|taken)|11009/i.test(messageOf(error))) throw error;
  }
}

async function ensureBucket(name: string): Promise<void> {
  try {
    await wrangler(["r2", "bucket", "create", name]);
    progress(`deploy: created the bucket ${name}`);
  } catch (error) {
    // 10004: it is this account's already.
    if (!/already (exists|own)|10004/i.test(messageOf(error))) throw error;
  }
}

/** The secrets the deployed Worker lacks; all of them before the first deployment. */
async function missingSecrets(): Promise<string[]> {
  try {
    const list = JSON.parse(await wrangler(["secret", "list", "-c", CONFIG])) as { name: string }[];
    return SECRETS.filter((wanted) => !list.some(({ name }) => name === wanted));
  } catch (error) {
    if (/10007|does not exist|not found/i.test(messageOf(error))) return [...SECRETS];
    throw error;
  }
}

/** Deploys with the missing secrets in the same step: the Worker never answers without them. */
async function deployWith(secrets: string[]): Promise<string> {
  if (secrets.length === 0) return wrangler(["deploy", "-c", CONFIG]);
  const folder = mkdtempSync(join(tmpdir(), "cartwake-deploy-"));
  try {
    const file = join(folder, "secrets.json");
    const values = Object.fromEntries(secrets.map((name) => [name, randomBytes(32).toString("base64url")]));
    writeFileSync(file, JSON.stringify(values), { mode: 0o600 });
    return await wrangler(["deploy", "-c", CONFIG, "--secrets-file", file]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function deploy(): Promise<void> {
  const wanted = readFileSync(WRANGLER_CONFIG, "utf8");
  await requireLogin();
  await build();
  writeConfig(await ensureDatabase());
  for (const queue of queuesOf(wanted)) await ensureQueue(queue);
  for (const bucket of bucketsOf(wanted)) await ensureBucket(bucket);
  progress("deploy: migrations");
  await wrangler(["d1", "migrations", "apply", DATABASE, "--remote", "-c", CONFIG]);
  const secrets = await missingSecrets();
  if (secrets.length > 0) progress(`deploy: new secrets ${secrets.join(", ")}`);
  progress("deploy: worker");
  process.stdout.write(await deployWith(secrets));
}

async function rehearse(): Promise<void> {
  const wanted = readFileSync(WRANGLER_CONFIG, "utf8");
  await build();
  writeConfig(null);
  const steps = [
    "check the login: wrangler whoami",
    `create the D1 database ${DATABASE} if it is missing: wrangler d1 create`,
    ...queuesOf(wanted).map((queue) => `create the queue ${queue} if it is missing: wrangler queues create`),
    ...bucketsOf(wanted).map((bucket) => `create the bucket ${bucket} if it is missing: wrangler r2 bucket create`),
    `migrate: wrangler d1 migrations apply ${DATABASE} --remote`,
    `make the secrets ${SECRETS.join(" and ")} if they are missing`,
    "wrangler deploy with the production config, which makes the workflows too",
  ];
  process.stdout.write(`${steps.map((step, i) => `${i + 1}. ${step}`).join("\n")}\n`);
  await wrangler(["deploy", "--dry-run", "-c", CONFIG]);
  process.stdout.write("The production config bundles. Nothing was deployed.\n");
}

await main(import.meta, async () => {
  const options = readOptions(USAGE, { "dry-run": { type: "boolean", default: false } });
  await (options["dry-run"] ? rehearse() : deploy());
  return 0;
});
