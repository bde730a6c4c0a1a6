/** Why carts were lost this week. */
import type { LossView } from "../../../../shared/loss.ts";
import { call, get } from "./client.ts";

const PATH = "/v1/analytics/loss-summary";

export const readLoss = () => get<LossView>(PATH);
/** Counts anew, and has it written again. */
export const sumUpLoss = () => call<LossView>("POST", PATH, {});
