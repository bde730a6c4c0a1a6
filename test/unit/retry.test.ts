import { describe, expect, it, vi } from "vitest";
import { isPassing, type RetryPolicy, retry } from "../../shared/retry.ts";
import { TimeoutError, withTimeout } from "../../shared/timeout.ts";

const passing = Object.assign(new Error("moved"), { retryable: true });

function policy(over: Partial<RetryPolicy> = {}): RetryPolicy & { waits: number[] } {
  const waits: number[] = [];
  return {
    attempts: 4,
    baseMs: 100,
    isRetryable: isPassing,
    random: () => 0.5,
    sleep: async (ms) => void waits.push(ms),
    ...over,
    waits,
  };
}

describe("retry", () => {
  it("calls again after what passes, waiting a random part of a doubling bound", async () => {
    const given = policy();
    const call = vi.fn<() => Promise<string>>().mockRejectedValueOnce(passing).mockRejectedValueOnce(passing);
    call.mockResolvedValue("done");
    expect(await retry(call, given)).toBe("done");
    expect(call).toHaveBeenCalledTimes(3);
    expect(given.waits).toEqual([50, 100]);
  });

  it("throws the last error when the attempts are used up", async () => {
    const given = policy({ random: () => 0.999 });
    const call = vi.fn(() => Promise.reject(passing));
    await expect(retry(call, given)).rejects.toBe(passing);
    expect(call).toHaveBeenCalledTimes(4);
    for (const [i, wait] of given.waits.entries()) expect(wait).toBeLessThan(100 * 2 ** i);
  });

  it.each([
    ["an error of the code", new Error("no such store")],
    ["an overloaded actor", Object.assign(new Error("busy"), { retryable: true, overloaded: true })],
    ["a time-out", new TimeoutError("cart", 10)],
    ["what is no error", { retryable: true }],
  ])("does not call again after %s", async (_, error) => {
    const call = vi.fn(() => Promise.reject(error));
    await expect(retry(call, policy())).rejects.toBe(error);
    expect(call).toHaveBeenCalledTimes(1);
  });
});

describe("a bound on waiting", () => {
  it("passes the outcome on", async () => {
    expect(await withTimeout(Promise.resolve(1), 1_000, "work")).toBe(1);
    await expect(withTimeout(Promise.reject(passing), 1_000, "work")).rejects.toBe(passing);
  });

  it("ends the waiting for what never ends, and says for what", async () => {
    await expect(withTimeout(new Promise(() => undefined), 20, "the provider")).rejects.toThrow(
      /^the provider: no answer within 20 ms \(timeout\)$/,
    );
  });

  it("leaves no timer behind", async () => {
    vi.useFakeTimers();
    try {
      await withTimeout(Promise.resolve(), 1_000, "work");
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
