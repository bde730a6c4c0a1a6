/** What all commands share: options with a usage text, errors with a next step, progress on stderr. */
import { type ParseArgsConfig, type ParseArgsOptionsConfig, parseArgs } from "node:util";

/** A failure that a person can act on: `message` says what is wrong, `next` what to do. Printed without a stack. */
export class CommandError extends Error {
  readonly next: string | undefined;

  constructor(message: string, next?: string) {
    super(message);
    this.name = "CommandError";
    this.next = next;
  }
}

/** Thrown by `readOptions` when there is nothing to run: `--help` (code 0) or wrong options (code 1). */
export class UsageExit extends Error {
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.name = "UsageExit";
    this.code = code;
  }
}

type Values<T extends ParseArgsOptionsConfig> = ReturnType<typeof parseArgs<{ options: T; strict: true }>>["values"];

/** `parseArgs`, strict, with `--help` added; a wrong option answers with the usage text instead of a stack. */
export function readOptions<const T extends ParseArgsOptionsConfig>(
  usage: string,
  options: T,
  args: string[] = process.argv.slice(2),
): Values<T> {
  const config = { args, options: { ...options, help: { type: "boolean", short: "h" } }, strict: true };
  let values: Record<string, unknown>;
  try {
    values = parseArgs(config as ParseArgsConfig).values;
  } catch (error) {
    throw new UsageExit(`${messageOf(error)}\n\n${usage.trim()}`, 1);
  }
  if (values.help) throw new UsageExit(usage.trim(), 0);
  return values as Values<T>;
}

/** A whole or fractional number option within bounds; `fallback` when it was not given. */
export function numberOption(
  name: string,
  text: string | undefined,
  fallback: number,
  min: number,
  max: number,
): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < min || value > max)
    throw new UsageExit(`--${name} must be a number from ${min} to ${max}, not "${text}"`, 1);
  return value;
}

export const progress = (line: string): void => void process.stderr.write(`${line}\n`);

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs a command's main function when its file is the one that was started; turns errors into one clear line. */
export async function main(meta: ImportMeta, run: () => Promise<number | undefined>): Promise<void> {
  if (!meta.main) return;
  try {
    const code = await run();
    if (code !== undefined) process.exitCode = code;
  } catch (error) {
    process.exitCode = report(error);
  }
}

function report(error: unknown): number {
  if (error instanceof UsageExit) {
    (error.code === 0 ? process.stdout : process.stderr).write(`${error.message}\n`);
    return error.code;
  }
  if (error instanceof CommandError) {
    process.stderr.write(`error: ${error.message}\n`);
    if (error.next) process.stderr.write(`next:  ${error.next}\n`);
  } else {
    process.stderr.write(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  }
  return 1;
}
