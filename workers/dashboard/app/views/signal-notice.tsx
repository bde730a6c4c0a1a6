/** The signal-loss breaker: why nothing is sent, and what to do about it. */
import { metrics } from "../live/store.ts";

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
      </div>
    </section>
  );
}
