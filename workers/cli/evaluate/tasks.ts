/** What the data sets ask, and the features a model is given: each told from its own row alone. */
import type { Dataset } from "../../../shared/model/model.ts";
import type { TrainingOptions } from "../../../shared/model/train/train.ts";
import { RETAILROCKET } from "./retailrocket.ts";
import type { Row } from "./table.ts";
import { UCI } from "./uci.ts";

export interface Task {
  about: string;
  columns: readonly string[];
  label: (row: Row) => 0 | 1;
  /** Whose row it is; `null`: nobody's but its own. */
  shopper: ((row: Row) => number) | null;
  /** Rows are told apart by it in the report. */
  moment: ((row: Row) => number) | null;
  features: Record<string, (row: Row) => number>;
  options: TrainingOptions;
}

export const TASKS = { retailrocket: RETAILROCKET, uci: UCI } satisfies Record<string, Task>;
export type TaskName = keyof typeof TASKS;
export const isTask = (name: string): name is TaskName => Object.hasOwn(TASKS, name);

export function datasetOf(task: Task, rows: readonly Row[]): Dataset {
  return {
    features: Object.keys(task.features),
    columns: Object.values(task.features).map((feature) => Float64Array.from(rows, feature)),
    labels: Uint8Array.from(rows, task.label),
    groups: Float64Array.from(rows, (row, index) => task.shopper?.(row) ?? index),
    times: new Float64Array(rows.length),
  };
}
