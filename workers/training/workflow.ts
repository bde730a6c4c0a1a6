/** Training: a store's model from its own outcomes, in durable steps. */
import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from "cloudflare:workers";
import type { Env } from "../env.ts";

export interface TrainingParams {
  storeId: string;
  runId: string;
  trigger: "schedule" | "drift" | "hand";
}

export class Training extends WorkflowEntrypoint<Env, TrainingParams> {
  override async run(_event: Readonly<WorkflowEvent<TrainingParams>>, _step: WorkflowStep): Promise<void> {
    throw new Error("not yet");
  }
}
