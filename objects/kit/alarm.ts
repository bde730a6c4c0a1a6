/**
 * The one alarm of an actor: moved earlier at once, later never. A wake-up that comes too early finds nothing due and
 * arms again, so postponing a deadline costs no write.
 */
export class Alarm {
  readonly #storage: DurableObjectStorage;
  #armed: number | null = null;
  /** Alarm writes since activation: each is a row on the bill. */
  writes = 0;

  /** Call in the constructor: nothing is delivered to the actor before the armed time is known again. */
  constructor(ctx: DurableObjectState) {
    this.#storage = ctx.storage;
    void ctx.blockConcurrencyWhile(async () => {
      this.#armed = await ctx.storage.getAlarm();
    });
  }

  /** Call first thing in `alarm()`: the platform has used the armed time up. */
  rang(): void {
    this.#armed = null;
  }

  /** Call before any `await`, so that it lands with the commit. Returns whether it cost a write. */
  arm(due: number | null): boolean {
    if (due === null || (this.#armed !== null && this.#armed <= due)) return false;
    this.#armed = due;
    this.writes += 1;
    void this.#storage.setAlarm(due);
    return true;
  }
}
