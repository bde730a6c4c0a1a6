/** Models in memory: fetched once, bounded in number and bytes, and not asked for again and again when they are not there. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CACHE_BYTES, CACHE_MODELS, MISSING_MS, ModelCache, UNREACHABLE_MS } from "../../shared/model/cache.ts";
import type { Scorer } from "../../shared/model/scorer.ts";

/** Its bytes say of which length it is. */
const decode = (bytes: Uint8Array): Scorer => {
  if (bytes[0] === 0) throw new Error("not a model");
  return {
    features: [`of ${bytes.byteLength}`],
    probability: () => 0.5,
    explain: () => 0.5,
    batch: (_, count, out) => void out.fill(0.5, 0, count),
  };
};

class Bucket {
  readonly objects = new Map<string, Uint8Array>();
  asked: string[] = [];
  down = false;
  /** Set to keep answers back until it is called. */
  release: (() => void) | null = null;
  #gate = Promise.resolve();

  hold(): void {
    this.#gate = new Promise((resolve) => {
      this.release = resolve;
    });
  }

  async get(key: string) {
    this.asked.push(key);
    await this.#gate;
    if (this.down) throw new Error("the bucket is down");
    const bytes = this.objects.get(key);
    return bytes ? { arrayBuffer: async () => new Uint8Array(bytes).buffer } : null;
  }
}

let bucket: Bucket;
let cache: ModelCache;
let now = 0;
const put = (key: string, length: number) => void bucket.objects.set(key, new Uint8Array(length).fill(1));
const code = (asked: Promise<unknown>): Promise<unknown> => asked.then(() => null).catch((error) => error.code);

beforeEach(() => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  bucket = new Bucket();
  now = 1_000;
  cache = new ModelCache({ decode, now: () => now });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

it("is fetched by the first who asks, and there at once for the next", async () => {
  put("a", 10);
  expect(cache.peek("a")).toBeNull();
  const scorer = await cache.load(bucket, "a");
  expect(scorer.features).toEqual(["of 10"]);
  expect(await cache.load(bucket, "a")).toBe(scorer);
  expect(cache.peek("a")).toBe(scorer);
  expect(bucket.asked).toEqual(["a"]);
});

it("is fetched once for all who ask meanwhile", async () => {
  put("a", 10);
  bucket.hold();
  const all = Array.from({ length: 20 }, () => cache.load(bucket, "a"));
  bucket.release?.();
  expect(new Set(await Promise.all(all)).size).toBe(1);
  expect(bucket.asked).toEqual(["a"]);
});

it("is asked for again by those who waited for somebody who never came back", async () => {
  vi.useFakeTimers();
  put("a", 10);
  bucket.hold();
  void cache.load(bucket, "a");
  const waiting = cache.load(bucket, "a");
  const answering = new Bucket();
  answering.objects.set("a", new Uint8Array([1, 1]));
  bucket.get = answering.get.bind(answering);
  await vi.advanceTimersByTimeAsync(5_000);
  expect((await waiting).features).toEqual(["of 2"]);
});

it("the one used longest ago makes room", async () => {
  for (let i = 0; i < CACHE_MODELS; i++) {
    put(`m${i}`, 10);
    await cache.load(bucket, `m${i}`);
  }
  cache.peek("m0");
  put("new", 10);
  await cache.load(bucket, "new");
  expect([cache.peek("m0") !== null, cache.peek("m1"), cache.size]).toEqual([
    true,
    null,
    { models: CACHE_MODELS, bytes: CACHE_MODELS * 10 },
  ]);
});

it("bytes are bounded as well, and a model larger than all of them serves alone", async () => {
  for (const key of ["a", "b", "c"]) {
    put(key, CACHE_BYTES / 2);
    await cache.load(bucket, key);
  }
  expect([cache.peek("a"), cache.size]).toEqual([null, { models: 2, bytes: CACHE_BYTES }]);
  put("huge", CACHE_BYTES + 1);
  await cache.load(bucket, "huge");
  expect([cache.peek("huge") !== null, cache.size]).toEqual([true, { models: 1, bytes: CACHE_BYTES + 1 }]);
});

describe("what cannot be had", () => {
  it("is not asked for again for a minute, and then it is", async () => {
    expect(await code(cache.load(bucket, "a"))).toBe("missing");
    put("a", 10);
    now += MISSING_MS - 1;
    expect(await code(cache.load(bucket, "a"))).toBe("missing");
    expect(bucket.asked).toHaveLength(1);
    now += 1;
    expect((await cache.load(bucket, "a")).features).toEqual(["of 10"]);
  });

  it("because it is no model is told as that", async () => {
    bucket.objects.set("a", new Uint8Array([0]));
    expect(await code(cache.load(bucket, "a"))).toBe("broken");
    expect(await code(cache.load(bucket, "a"))).toBe("broken");
    expect(bucket.asked).toHaveLength(1);
    expect(cache.peek("a")).toBeNull();
  });

  it("because the bucket is down is tried again after a few seconds", async () => {
    put("a", 10);
    bucket.down = true;
    expect(await code(cache.load(bucket, "a"))).toBe("unreachable");
    bucket.down = false;
    expect(await code(cache.load(bucket, "a"))).toBe("unreachable");
    now += UNREACHABLE_MS;
    expect(await code(cache.load(bucket, "a"))).toBeNull();
    expect(bucket.asked).toHaveLength(2);
  });

  it("fails for all who asked meanwhile", async () => {
    bucket.hold();
    const all = [cache.load(bucket, "a"), cache.load(bucket, "a")].map(code);
    bucket.release?.();
    expect(await Promise.all(all)).toEqual(["missing", "missing"]);
    expect(bucket.asked).toHaveLength(1);
  });
});

it("a bucket that hangs is given up, is not asked again at once, and is asked again later", async () => {
  vi.useFakeTimers();
  put("a", 10);
  bucket.hold();
  const asked = code(cache.load(bucket, "a"));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await asked).toBe("unreachable");
  expect(await code(cache.load(bucket, "a"))).toBe("unreachable");
  expect(bucket.asked).toEqual(["a"]);
  bucket.release?.();
  now += UNREACHABLE_MS + 1;
  expect((await cache.load(bucket, "a")).features).toEqual(["of 10"]);
});
