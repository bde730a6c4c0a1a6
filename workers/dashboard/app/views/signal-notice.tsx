/** The signal-loss breaker: why nothing is sent, and what to do about it. */
import { metrics } from "../live/store.ts";

export function SignalNotice() {
  const signal = metrics.value?.orderSignal ?? "ok";
  if (signal === "ok") return null;
  return (
    <section class="notice notice-signal" role="alert" data-testid="signal-notice" data-signal={signal}>
      <p class="notice-title">
        {signal === "signal_loss" ? "Messages are paused: no orders arrive any more" : "Messages are paused"}
      </p>
      {signal === "signal_loss" ? <Loss /> : <p>Nothing is sent for now ({signal}).</p>}
    </section>
  );
}

const Loss = () => (
  <div class="notice-body">
    <p>
      Shoppers go on shopping, but the shop no longer tells of orders. So that nobody who has bought is reminded of
      their cart, everything waits.
    </p>
    <ol>
      <li>See whether the page after the checkout still has the Cartwake line, or the shop’s webhook still fires.</li>
      <li>Place a test order, or wait for the next one: sending goes on by itself as soon as an order arrives.</li>
    </ol>
  </div>
);
