/**
 * A BullMQ worker in a process of its own: each delayed job reads its cart's state, decides, and writes the state and a
 * row of its log in one transaction. Tells its parent when it decided.
 */
import { peerModule } from "./timers-modules.ts";

const port = Number(process.argv[2]);
const redis = new (peerModule("ioredis").Redis)({ port, maxRetriesPerRequest: null });
const decided: [string, number][] = [];

interface State {
  status: string;
  version: number;
  items: { price: number }[];
}

new (peerModule("bullmq").Worker)(
  "steps",
  async (job: { data: { cart: string } }) => {
    const { cart } = job.data;
    const at = Date.now();
    const state = JSON.parse((await redis.get(`cart:${cart}`)) ?? "null") as State | null;
    if (!state || state.items.length === 0) return;
    const next = { ...state, status: "abandoned", version: state.version + 1 };
    await redis
      .multi()
      .set(`cart:${cart}`, JSON.stringify(next))
      .rpush(`log:${cart}`, JSON.stringify({ at, command: "wake", delivery: `${cart}/reminder` }))
      .exec();
    decided.push([cart, at]);
  },
  { connection: { port }, concurrency: 50 },
);

setInterval(() => {
  if (decided.length > 0) process.send?.(decided.splice(0));
}, 100);

// Killed benchmarks leave nobody behind.
process.once("disconnect", () => process.exit());
