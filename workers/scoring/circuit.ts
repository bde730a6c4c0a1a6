/** The circuit breaker around Workers AI, which all stores share. */
import { breakerStub } from "../../objects/stubs.ts";
import { log } from "../../shared/log.ts";
import { callActor } from "../../shared/retry.ts";
import { SECOND_MS } from "../../shared/time.ts";
import { withTimeout } from "../../shared/timeout.ts";
import type { Env } from "../env.ts";

/** `void`: no model was asked after all. */
type Verdict = Parameters<ReturnType<typeof breakerStub>["report"]>[0];

const ASK_MS = 5 * SECOND_MS;

/** `null` while the circuit is open: nobody waits for a service that is down. A breaker that cannot be asked stops nobody. */
export async function guarded<T>(env: Env, work: () => Promise<{ verdict: Verdict; value: T }>): Promise<T | null> {
  const breaker = () => breakerStub(env, "~", "ai");
  // Asked twice, the probe would be lost to the first answer: it is not repeated.
  const entry = await withTimeout(breaker().enter(), ASK_MS, "breaker").catch((error: unknown) => {
    log("warn", "breaker_unasked", { provider: "ai", error });
    return { allowed: true, quiet: false, probe: 0 };
  });
  if (!entry.allowed) return null;
  let verdict: Verdict = "void";
  try {
    const done = await work();
    verdict = done.verdict;
    return done.value;
  } finally {
    if (!(entry.quiet && verdict === "success") && (verdict !== "void" || entry.probe > 0))
      await callActor("breaker", () => breaker().report(verdict, entry.probe)).catch((error: unknown) =>
        log("warn", "breaker_untold", { provider: "ai", verdict, error }),
      );
  }
}
