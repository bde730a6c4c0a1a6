/** The four figures a merchant looks at first, over the wake that the shop's events leave. */
import type { RealtimeView } from "../../../../shared/views.ts";
import { formatMoney, plural, sparkPath } from "../format.ts";
import { metrics } from "../live/store.ts";

export function Tiles() {
  const now = metrics.value;
  return (
    <section class="tiles" aria-label="Store now">
      <Tile
        id="tile-at-risk"
        label="Revenue at risk"
        value={now && formatMoney(now.revenueAtRisk)}
        note={now && `${plural(now.abandonedCarts + now.recoveringCarts, "cart")} left behind`}
      />
      <Tile
        id="tile-recovered"
        label="Recovered revenue"
        value={now && formatMoney(now.recoveredRevenue)}
        note={now && `${plural(now.recoveredCarts, "cart")} brought back`}
      />
      <Tile
        id="tile-active"
        label="Active carts"
        value={now?.activeCarts.toLocaleString() ?? null}
        note={now && `${now.purchasedCarts.toLocaleString()} purchased unaided`}
      />
      <EventsTile now={now} />
    </section>
  );
}

function Tile({ id, label, value, note }: { id: string; label: string; value: string | null; note: string | null }) {
  return (
    <div class="tile" data-testid={id}>
      <p class="tile-label">{label}</p>
      <p class="tile-value" data-length={value && value.length > 9 ? "long" : "short"}>
        {value ?? "–"}
      </p>
      <p class="tile-note">{note ?? "\u00a0"}</p>
    </div>
  );
}

const WIDTH = 300;
const HEIGHT = 48;

function EventsTile({ now }: { now: RealtimeView | null }) {
  const minutes = now?.eventsByMinute ?? [];
  const line = sparkPath(minutes, WIDTH, HEIGHT);
  return (
    <div class="tile tile-events" data-testid="tile-events">
      <p class="tile-label">Events per minute</p>
      <p class="tile-value">{now ? Math.round(now.eventsPerMinute).toLocaleString() : "–"}</p>
      <p class="tile-note">{minutes.length > 1 ? `last ${minutes.length} minutes` : "\u00a0"}</p>
      {line && (
        <svg class="spark" viewBox={`0 -3 ${WIDTH} ${HEIGHT + 3}`} preserveAspectRatio="none" aria-hidden="true">
          <path class="spark-area" d={`${line}V${HEIGHT}H0Z`} />
          <path class="spark-line" d={line} />
        </svg>
      )}
    </div>
  );
}
