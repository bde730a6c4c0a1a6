/** The signal-loss breaker: why nothing is sent, and what to do about it. */
import { useState } from "preact/hooks";
import { overrideSignal } from "../api/client.ts";
import { may, user } from "../api/session.ts";
import { metrics } from "../live/store.ts";
import { Confirm } from "../ui/dialog.tsx";

export function SignalNotice() {
  if (metrics.value?.orderSignal !== "signal_loss") return null;
  return (
    <section class="notice notice-signal" role="alert" data-testid="signal-notice">
      <p class="notice-title">Messages are paused: no orders arrive any more</p>
      <div class="notice-body">
        <p>
          Shoppers go on shopping, but the shop no longer tells of orders. So that nobody who has bought is reminded of
          their cart, everything waits.
        </p>
        <ol>
          <li>
            See whether the page after the checkout still has the Cartwake line, or the shop’s webhook still fires.
          </li>
          <li>Place a test order, or wait for the next one: sending goes on by itself as soon as an order arrives.</li>
        </ol>
        {may("stores:write") && <Override />}
      </div>
    </section>
  );
}

/** The merchant's word against the watch: orders may really have stopped. */
function Override() {
  const [asking, setAsking] = useState(false);
  const override = async () => {
    await overrideSignal(user.value?.storeId ?? "");
    if (metrics.value) metrics.value = { ...metrics.value, orderSignal: "ok" };
  };
  return (
    <>
      <button type="button" class="button" onClick={() => setAsking(true)} data-testid="signal-override">
        Send for a day all the same
      </button>
      {asking && (
        <Confirm
          title="Send although no orders arrive?"
          confirm="Send for a day"
          busy="Telling the store…"
          tone="danger"
          onConfirm={override}
          onClose={() => setAsking(false)}
        >
          <p>
            Only if nobody has ordered lately. If orders are just not told, shoppers who have bought are written to.
          </p>
        </Confirm>
      )}
    </>
  );
}
