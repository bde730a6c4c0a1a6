/**
 * Training: a store's model from its own outcomes, in durable steps.
 *
 * collect → train → evaluate → register → shadow → canary → promote, or roll back, by the gates of shared/model/gates.ts. What a
 * step makes is a file in R2 or a row; what it returns is small. Each step survives running twice. Its row in `training_runs` is
 * the store's lock, and tells how far it is; `start.ts` wakes a run of which nothing is heard.
 */
import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from "cloudflare:workers";
import { NonRetryableError } from "cloudflare:workflows";
import { endRun, noteRun, type RunPatch, type RunStatus, type Trigger } from "../../shared/db/training.ts";
import { stableHash } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import { FEATURE_NAMES } from "../../shared/model/features.ts";
import { GATES, LAST_LOOK } from "../../shared/model/gates.ts";
import type { Env } from "../env.ts";
import { forgetPages, type PageRead, type Parts, type Plan, partRows, planRun, readPage } from "./collect.ts";
import { evaluate, register } from "./evaluate.ts";
import { clearRun, type RunId } from "./files.ts";
import { finishFit, fitPiece, MAX_PIECES } from "./fit.ts";
import { lookAtCanary, lookAtShadow, type Seen, type Trial } from "./looks.ts";
import { move, versionOf, withdraw } from "./models.ts";

export interface TrainingParams {
  storeId: string;
  runId: string;
  trigger: Trigger;
}

/** How a run ends. */
interface Ending {
  status: RunStatus;
  reason: string;
}

/** Reading D1, and computing for at most 30 s. */
const STEP = { retries: { limit: 5, delay: "5 seconds", backoff: "exponential" }, timeout: "10 minutes" } as const;
const MAX_PAGES = 50;

/** The same examples and seed give the same model, byte for byte. */
export const seedOf = (runId: string): number => stableHash(runId);
/** Somebody ended it: another run may be under way. */
const ENDED = "the run has ended already";

export class Training extends WorkflowEntrypoint<Env, TrainingParams> {
  override async run({ payload }: Readonly<WorkflowEvent<TrainingParams>>, step: WorkflowStep): Promise<Ending> {
    const run = new Run(this.env, payload, step);
    const ending = await run.go().catch((error: unknown): Ending => {
      const reason = error instanceof Error ? error.message : String(error);
      const { storeId, runId } = payload;
      log(reason.includes(ENDED) ? "info" : "error", "training_failed", { storeId, runId, error });
      return { status: "failed", reason };
    });
    return run.end(ending);
  }
}

class Run {
  readonly #env: Env;
  readonly #params: TrainingParams;
  readonly #step: WorkflowStep;
  readonly #version: string;

  constructor(env: Env, params: TrainingParams, step: WorkflowStep) {
    this.#env = env;
    this.#params = params;
    this.#step = step;
    this.#version = versionOf(params.runId);
  }

  get #run(): RunId {
    return this.#params;
  }

  async go(): Promise<Ending> {
    const plan = await this.#do("plan", {}, () => planRun(this.#env, this.#run, Date.now()));
    if (typeof plan === "string") return { status: "too_few", reason: plan };
    const parts = await this.#collect(plan);
    if (typeof parts === "string") return { status: "too_few", reason: parts };
    const ending = await this.#make(plan, parts);
    return ending ?? this.#try(plan);
  }

  /** Whatever came of it; a run that failed leaves nothing in its trial. Of one that others ended the model is not its own any more. */
  async end(ending: Ending): Promise<Ending> {
    const { storeId, runId } = this.#params;
    await this.#step.do("end", STEP, async () => {
      const isOpen = await noteRun(this.#env.DB, storeId, runId, {}, Date.now());
      if (isOpen && ending.status === "failed") await withdraw(this.#env, this.#run, this.#version);
      await clearRun(this.#env, this.#run);
      await endRun(this.#env.DB, storeId, runId, ending, Date.now());
    });
    log("info", "training_ended", { storeId, runId, ...ending });
    return ending;
  }

  async #collect(plan: Plan): Promise<Parts | string> {
    let read: PageRead = { rows: 0, oldest: 0, next: null };
    for (let page = 0; page < MAX_PAGES; page++) {
      const before = read;
      read = await this.#do(`read ${page}`, { step: "collect" }, () =>
        readPage(this.#env, this.#run, plan, page, before),
      );
      if (!read.next) return this.#do("part", {}, () => partRows(this.#env, this.#run, plan, page + 1, read.oldest));
    }
    throw new Error("more pages of examples than there may be");
  }

  /** Fits, evaluates and registers. Answers how the run ends when that is as far as it goes. */
  async #make(plan: Plan, parts: Parts): Promise<Ending | null> {
    const [env, run, version] = [this.#env, this.#run, this.#version];
    const seed = seedOf(this.#params.runId);
    await this.#do("begin to fit", { step: "train", progress: 0.1 }, () => forgetPages(env, run, MAX_PAGES));
    const last = await this.#fit(seed);
    const fitted = await this.#do("finish", { progress: 0.8 }, () => finishFit(env, run, version, last));
    const verdict = await this.#do("evaluate", { step: "evaluate", version }, () =>
      evaluate(env, run, version, plan, seed),
    );
    const registered = await this.#do("register", { step: "register" }, () =>
      register(env, run, version, { fitted, parts, features: FEATURE_NAMES, now: Date.now() }),
    );
    if (!registered) return { status: "failed", reason: "the store has as many models as it may: archive some" };
    if (verdict.pass) return null;
    await this.#do("reject", {}, () => move(env, run, version, { to: "rejected" }));
    return { status: "rejected", reason: verdict.reason };
  }

  async #fit(seed: number): Promise<number> {
    for (let piece = 0; piece < MAX_PIECES; piece++) {
      const fit = () => fitPiece(this.#env, this.#run, piece, seed);
      const done = await this.#do(`fit ${piece}`, { step: "train" }, fit, ({ progress }) => ({
        progress: 0.1 + 0.7 * progress,
      }));
      if (!done.more) return piece;
    }
    throw new Error("more pieces of training than there may be");
  }

  async #try({ production }: Plan): Promise<Ending> {
    const [env, run, version] = [this.#env, this.#run, this.#version];
    const shadow = await this.#stage(
      "shadow",
      production,
      () => move(env, run, version, { to: "shadow" }),
      lookAtShadow,
    );
    if (!shadow.pass) return this.#withdraw(shadow);
    const { canaryShare: share } = GATES;
    const canary = await this.#stage(
      "canary",
      production,
      () => move(env, run, version, { to: "canary", share }),
      lookAtCanary,
    );
    if (!canary.pass) return this.#withdraw(canary);
    const promoted = await this.#do("promote", { step: "decide" }, () => move(env, run, version, { to: "production" }));
    return promoted
      ? { status: "promoted", reason: canary.reason }
      : { status: "rejected", reason: "taken out of its trial by hand" };
  }

  /** Waits, and looks every few hours, until the stage has a verdict: at the latest at its last look. */
  async #stage(
    stage: "shadow" | "canary",
    production: string | null,
    enter: () => Promise<boolean>,
    look: (env: Env, run: RunId, trial: Trial, number: number) => Promise<Seen>,
  ): Promise<{ pass: boolean; reason: string; byHand?: boolean }> {
    const waiting: RunPatch = { status: "waiting" };
    const enterAt = async () => ((await enter()) ? Date.now() : null);
    const since = await this.#do(`enter ${stage}`, { step: stage }, enterAt, () => waiting);
    if (since === null) return { pass: false, reason: "another model is tried by hand", byHand: true };
    const trial: Trial = { version: this.#version, production, since };
    const begun = stage === "shadow" ? 0.85 : 0.92;
    for (let number = 1; number <= LAST_LOOK; number++) {
      await this.#step.sleep(`${stage} ${number}`, GATES.lookMs);
      const progress = begun + (0.07 * number) / LAST_LOOK;
      const lookNow = () => look(this.#env, this.#run, trial, number);
      const seen = await this.#do(`look at ${stage} ${number}`, { progress }, lookNow, () => waiting);
      if (seen === "wait") continue;
      return "gone" in seen ? { pass: false, reason: seen.gone, byHand: true } : seen;
    }
    throw new Error(`the last look at the ${stage} had no verdict`);
  }

  /** What somebody decided by hand stays as they decided it. */
  async #withdraw({ reason, byHand }: { reason: string; byHand?: boolean }): Promise<Ending> {
    const [env, run, version] = [this.#env, this.#run, this.#version];
    if (byHand && reason === "promoted by hand") return { status: "promoted", reason };
    await this.#do("withdraw", { step: "decide" }, () => withdraw(env, run, version));
    return { status: byHand ? "rejected" : "rolled_back", reason };
  }

  /** A durable step that says how far the run is before it begins, and perhaps when it has ended. */
  #do<T extends Rpc.Serializable<T>>(
    name: string,
    patch: RunPatch,
    work: () => Promise<T>,
    after?: (result: T) => RunPatch,
  ): Promise<T> {
    const { storeId, runId } = this.#params;
    const note = (said: RunPatch) => noteRun(this.#env.DB, storeId, runId, said, Date.now());
    return this.#step.do(name, STEP, async () => {
      const started = Date.now();
      if (!(await note({ status: "running", ...patch }))) throw new NonRetryableError(ENDED);
      // Under `npm run serve` all is one thread, which answers nobody before it has nothing else to do: let it.
      await scheduler.wait(1);
      const result = await work().catch((error: unknown) => {
        log("error", "training_step_failed", { storeId, runId, step: name, error });
        throw error;
      });
      if (after) await note(after(result));
      log("info", "training_step", { storeId, runId, step: name, ms: Date.now() - started });
      return result;
    }) as Promise<T>;
  }
}
