/** As much of cli-progress as is used; the package brings no types. */
declare module "cli-progress" {
  export class SingleBar {
    constructor(options: {
      format: string;
      stream?: NodeJS.WritableStream;
      hideCursor?: boolean;
      clearOnComplete?: boolean;
    });
    start(total: number, startValue: number): void;
    increment(by?: number): void;
    stop(): void;
  }
}
