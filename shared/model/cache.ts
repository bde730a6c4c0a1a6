/**
 * Models made ready to score, as one isolate remembers them: a cart reads `peek` in its own transaction, and whoever may
 * wait calls `load`. A version's artefact never changes, so nothing here grows old; what is not there is asked for again.
 */
import { log } from "../log.ts";
import { MINUTE_MS, SECOND_MS } from "../time.ts";
import { withTimeout } from "../timeout.ts";
import { decodeModel } from "./codec.ts";
import { compile, type Scorer } from "./scorer.ts";

/** An isolate has 128 MB for everything: models of this many bytes together, by the size of their artefacts, may stay. */
export const CACHE_BYTES = 32 * 1024 * 1024;
export const CACHE_MODELS = 32;
/** Nobody asks again for what was not there for so long, nor for what could not be reached. */
export const MISSING_MS = MINUTE_MS;
export const UNREACHABLE_MS = 5 * SECOND_MS;
/** A bucket that hangs keeps no cart from waking for longer than this. */
const READ_MS = 10 * SECOND_MS;
const MAX_FAILURES = 1_000;
/** Whoever asked may be gone, and the answer with them: the others wait no longer than this before they ask themselves. */
const WAIT_MS = 5 * SECOND_MS;

/** Why a model cannot be had. `missing`: there is no artefact; `broken`: it cannot be read; `unreachable`: the bucket did not answer. */
export class ModelError extends Error {
  readonly code: "missing" | "broken" | "unreachable";

  constructor(code: ModelError["code"], message: string) {
    super(message);
    this.name = "ModelError";
    this.code = code;
  }
}

/** The part of an R2 bucket that is used. */
export interface ArtefactBucket {
  get(key: string): Promise<{ arrayBuffer(): Promise<ArrayBuffer> } | null>;
}

interface Options {
  /** Throws for what is no model. */
  decode(bytes: Uint8Array): Scorer;
  now(): number;
}

const decodeArtefact = (bytes: Uint8Array): Scorer => compile(decodeModel(bytes));

export class ModelCache {
  readonly #decode: Options["decode"];
  readonly #now: Options["now"];
  /** The one used longest ago first. */
  readonly #models = new Map<string, { scorer: Scorer; bytes: number }>();
  readonly #flights = new Map<string, Promise<Scorer>>();
  readonly #failures = new Map<string, { error: ModelError; until: number }>();
  #bytes = 0;

  constructor({ decode = decodeArtefact, now = Date.now }: Partial<Options> = {}) {
    this.#decode = decode;
    this.#now = now;
  }

  /** What is here already. */
  peek(key: string): Scorer | null {
    const known = this.#models.get(key);
    if (!known) return null;
    this.#models.delete(key);
    this.#models.set(key, known);
    return known.scorer;
  }

  /** Fetched once for all who ask meanwhile. Throws a `ModelError`; the same one at once to those who ask soon after. */
  async load(bucket: ArtefactBucket, key: string): Promise<Scorer> {
    const known = this.peek(key);
    if (known) return known;
    const failed = this.#failures.get(key);
    if (failed && failed.until > this.#now()) throw failed.error;
    const flight = this.#flights.get(key);
    if (!flight) return this.#fetch(bucket, key);
    return withTimeout(flight, WAIT_MS, "the model").catch((error: unknown) => {
      if (error instanceof ModelError) throw error;
      return this.peek(key) ?? this.#fetch(bucket, key);
    });
  }

  get size(): { models: number; bytes: number } {
    return { models: this.#models.size, bytes: this.#bytes };
  }

  async #fetch(bucket: ArtefactBucket, key: string): Promise<Scorer> {
    const flight = this.#read(bucket, key);
    this.#flights.set(key, flight);
    try {
      return await flight;
    } catch (error) {
      const known = error instanceof ModelError ? error : new ModelError("broken", String(error));
      log("warn", "model_unavailable", { key, code: known.code, error });
      this.#fail(key, known);
      throw known;
    } finally {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    }
  }

  async #read(bucket: ArtefactBucket, key: string): Promise<Scorer> {
    const bytes = await artefact(bucket, key);
    if (!bytes) throw new ModelError("missing", `there is no artefact ${key}`);
    const scorer = this.#decode(bytes);
    this.#keep(key, scorer, bytes.byteLength);
    return scorer;
  }

  #keep(key: string, scorer: Scorer, bytes: number): void {
    this.#failures.delete(key);
    this.#drop(key);
    this.#models.set(key, { scorer, bytes });
    this.#bytes += bytes;
    while (this.#models.size > CACHE_MODELS || (this.#bytes > CACHE_BYTES && this.#models.size > 1))
      this.#drop(this.#models.keys().next().value ?? "");
  }

  #drop(key: string): void {
    this.#bytes -= this.#models.get(key)?.bytes ?? 0;
    this.#models.delete(key);
  }

  #fail(key: string, error: ModelError): void {
    if (this.#failures.size >= MAX_FAILURES) this.#failures.delete(this.#failures.keys().next().value ?? "");
    this.#failures.delete(key);
    const forMs = error.code === "unreachable" ? UNREACHABLE_MS : MISSING_MS;
    this.#failures.set(key, { error, until: this.#now() + forMs });
  }
}

/** Of this isolate: a model is the same for every cart, and too large for each to have its own. */
export const weights = new ModelCache();

async function read(bucket: ArtefactBucket, key: string): Promise<Uint8Array | null> {
  const found = await bucket.get(key);
  return found && new Uint8Array(await found.arrayBuffer());
}

async function artefact(bucket: ArtefactBucket, key: string): Promise<Uint8Array | null> {
  try {
    return await withTimeout(read(bucket, key), READ_MS, "the bucket");
  } catch (error) {
    throw new ModelError("unreachable", `${key}: ${String(error)}`);
  }
}
