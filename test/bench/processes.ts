/** What a process and its children cost, as Linux counts it. */
import { readdirSync, readFileSync } from "node:fs";

/** Linux counts process time in these (`getconf CLK_TCK`). */
const TICK_MS = 10;

export interface Usage {
  cpuMs: number;
  rssBytes: number;
}

/** Processor time so far, in ms; NaN where /proc is missing. */
export function cpuOf(pid: number): number {
  const fields = statOf(pid);
  return fields ? (Number(fields[11]) + Number(fields[12])) * TICK_MS : Number.NaN;
}

export const usageOf = (pid: number): Usage => ({ cpuMs: cpuOf(pid), rssBytes: rssOf(pid) });

export function rssOf(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? Number.NaN) * 1024;
  } catch {
    return Number.NaN;
  }
}

/** The workerd process that a server started. */
export function runtimeOf(server: number): number {
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const fields = statOf(Number(name));
    if (fields && Number(fields[1]) === server && readFileSync(`/proc/${name}/comm`, "utf8").startsWith("workerd"))
      return Number(name);
  }
  throw new Error("the server has no runtime");
}

/** The fields of `/proc/PID/stat` after the command's name: state, parent, … */
function statOf(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}
