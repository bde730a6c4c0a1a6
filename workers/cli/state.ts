/** The state folder: one server at a time, its secrets, and what a killed server left running. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CommandError, progress } from "./command.ts";
import { killProcess, type ProcessMark, takeLock } from "./lock.ts";

interface Running {
  url: string;
  /** The runtime's process, to be killed by the next start if this server dies without cleaning up. */
  runtime: ProcessMark | null;
}

export interface StateFolder {
  path: string;
  /** Remembers the runtime's process for the next start. */
  recordRuntime(runtime: ProcessMark): void;
  release(): void;
}

/** Locks the folder for this process. After a `kill -9` of the last holder, its runtime is killed first. */
export async function openState(path: string, url: string): Promise<StateFolder> {
  mkdirSync(path, { recursive: true });
  const outcome = takeLock<Running>(join(path, "serve.lock"), { url, runtime: null });
  if (!outcome.ok)
    throw new CommandError(
      `the state folder ${path} is in use by process ${outcome.holder.pid}`,
      `stop it (kill ${outcome.holder.pid}), or choose another folder with --state`,
    );
  const orphan = outcome.stale?.runtime;
  if (orphan && (await killProcess(orphan)))
    progress(`serve: ended the runtime of a killed server (pid ${orphan.pid})`);
  return {
    path,
    recordRuntime: (runtime) => outcome.lock.update({ url, runtime }),
    release: () => outcome.lock.release(),
  };
}

export interface Secrets {
  LINK_SECRET: string;
  AUTH_SECRET: string;
}

/** The folder's own secrets, made on first use: links and sessions stay valid over restarts. */
export function secretsOf(path: string): Secrets {
  const file = join(path, "secrets.json");
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Secrets;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      throw new CommandError(`cannot read ${file}`, "remove it: new secrets are made, old links and sessions end");
  }
  const secrets = { LINK_SECRET: secret(), AUTH_SECRET: secret() };
  writeFileSync(file, JSON.stringify(secrets), { mode: 0o600 });
  return secrets;
}

const secret = (): string => randomBytes(32).toString("base64url");
