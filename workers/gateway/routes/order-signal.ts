/** `/v1/stores/:id/order-signal`: whether the store still tells of its orders, and a merchant's word against the watch. */
import * as z from "zod";
import { storeStub } from "../../../objects/stubs.ts";
import { json } from "../../../shared/http.ts";
import { orderSignalView } from "../../../shared/views.ts";
import { notFound } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";

/** The path's store is the caller's (scope.ts): an actor nobody opened is asked for nothing. */
async function store({ env, principal }: MemberCall) {
  const stub = storeStub(env, principal.storeId);
  if (!(await stub.settings()).ok) throw notFound("store");
  return stub;
}

async function read(call: MemberCall): Promise<Response> {
  return json(await (await store(call)).orderSignal());
}

const action = z.object({ action: z.literal("override") });

async function override(call: MemberCall<unknown, z.infer<typeof action>>): Promise<Response> {
  const stub = await store(call);
  const before = await stub.orderSignal();
  const after = await stub.overrideSignal();
  call.audit({ action: "store.signal_overridden", objectId: call.principal.storeId, before, after });
  return json(after);
}

const common = { path: "/v1/stores/:id/order-signal", tag: "Stores" } as const;

export const routes: Route[] = [
  member(
    {
      ...common,
      method: "GET",
      access: "carts:read",
      summary: "Read whether the store still tells of its orders",
      description:
        "When shoppers go on paying, or visiting, and no order arrives, messages are paused: they would follow purchases. They go on with the next order.",
      answers: { 200: { description: "The signal", schema: orderSignalView } },
    },
    read,
  ),
  member(
    {
      ...common,
      method: "POST",
      operationId: "overrideStoreOrderSignal",
      access: "stores:write",
      summary: "Send messages for a day although the order signal seems lost",
      body: action,
      changesRules: true,
      audit: "store.signal_overridden",
      answers: { 200: { description: "The signal", schema: orderSignalView } },
    },
    override,
  ),
];
