/** A bar on stderr; nothing when nobody looks at it. */
import { createRequire } from "node:module";

interface Bar {
  start(total: number, value: number, fields: { step: string }): void;
  increment(by: number, fields: { step: string }): void;
  update(fields: { step: string }): void;
  stop(): void;
}

const { SingleBar } = createRequire(import.meta.url)("cli-progress") as {
  SingleBar: new (options: object) => Bar;
};

export interface Progress {
  /** `done` units more of the total, and what is next. */
  step(done: number, next: string): void;
  end(): void;
}

export function progressBar(total: number): Progress {
  const bar = new SingleBar({
    format: "bench  {bar}  {percentage}%  {step}",
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    barCompleteChar: "█",
    barIncompleteChar: "░",
  });
  if (process.stderr.isTTY) bar.start(total, 0, { step: "" });
  return {
    step: (done, next) => bar.increment(done, { step: next }),
    end: () => bar.stop(),
  };
}
