/**
 * A lock file that survives `kill -9` of its holder: it names the holding process, and a dead holder's lock is taken
 * over. Pids are reused, so a process is known by its pid and its start time together.
 */
import { execFileSync } from "node:child_process";
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

export interface ProcessMark {
  pid: number;
  /** What tells this process from a later one with the same pid. */
  mark: string;
}

/** The mark of a living process, `null` when there is none (a zombie counts as none). */
export function markOf(pid: number): string | null {
  if (!Number.isInteger(pid) || pid <= 0) return null;
  if (existsSync("/proc/self/stat")) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // The name in parentheses may hold spaces: count fields from behind it. State is the 3rd, start time the 22nd.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (fields[0] === "Z" || fields[0] === "X") return null;
      return `${fields[19]} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0]}`;
    } catch {
      return null;
    }
  }
  try {
    return execFileSync("ps", ["-o", "lstart=", "-o", "comm=", "-p", String(pid)], { encoding: "utf8" }).trim() || null;
  } catch {
    return null;
  }
}

export const processMark = (pid: number): ProcessMark => ({ pid, mark: markOf(pid) ?? "" });

export const isAlive = (process: ProcessMark): boolean => process.mark !== "" && markOf(process.pid) === process.mark;

/** Kills exactly that process, and waits until it is gone; does nothing when the pid is another's by now. */
export async function killProcess(target: ProcessMark): Promise<boolean> {
  if (!isAlive(target)) return false;
  process.kill(target.pid, "SIGKILL");
  for (let i = 0; i < 200 && isAlive(target); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  return true;
}

export interface Lock<T> {
  /** Replaces what the lock file says beside its holder. */
  update(extra: T): void;
  release(): void;
}

export type LockOutcome<T> = { ok: true; lock: Lock<T>; stale: T | null } | { ok: false; holder: ProcessMark };

/** Takes the lock, or says who has it. `stale` is what a dead holder had written. */
export function takeLock<T extends object>(path: string, extra: T): LockOutcome<T> {
  const holder = processMark(process.pid);
  const own = `${path}.${process.pid}`;
  let stale: T | null = null;
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      // Written first and linked then: nobody ever reads an empty lock.
      writeFileSync(own, JSON.stringify({ holder, ...extra }), { mode: 0o600 });
      linkSync(own, path);
      return { ok: true, stale, lock: makeLock(path, holder) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      rmSync(own, { force: true });
    }
    const found = readLock<T>(path);
    if (found && isAlive(found.holder)) return { ok: false, holder: found.holder };
    if (found) stale = found.extra;
    removeStale(path, found?.holder);
  }
  throw new Error(`could not take the lock ${path}`);
}

/** Moves the dead lock aside before removing it, so that of two takers one cannot remove the other's new lock. */
function removeStale(path: string, expected: ProcessMark | undefined): void {
  const aside = `${path}.stale-${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  const moved = readLock(aside);
  if (moved && isAlive(moved.holder) && moved.holder.pid !== expected?.pid) renameSync(aside, path);
  else rmSync(aside, { force: true });
}

function makeLock<T>(path: string, holder: ProcessMark): Lock<T> {
  return {
    update(extra) {
      const next = `${path}.${process.pid}`;
      writeFileSync(next, JSON.stringify({ holder, ...extra }), { mode: 0o600 });
      renameSync(next, path);
    },
    release() {
      if (readLock(path)?.holder.pid === process.pid) rmSync(path, { force: true });
    },
  };
}

function readLock<T>(path: string): { holder: ProcessMark; extra: T } | null {
  try {
    const { holder, ...extra } = JSON.parse(readFileSync(path, "utf8")) as { holder: ProcessMark };
    return { holder, extra: extra as T };
  } catch {
    return null;
  }
}
