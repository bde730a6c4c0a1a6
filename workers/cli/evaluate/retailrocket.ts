/** RetailRocket's cart sessions: a row is what was known `cutoff_k` events after the first addition. */
import { BOOST_DEFAULTS } from "../../../shared/model/train/boost.ts";
import { TRAINING_DEFAULTS } from "../../../shared/model/train/train.ts";
import { CommandError } from "../command.ts";
import type { Row } from "./table.ts";
import type { Task } from "./tasks.ts";
import { finite, isOneOf, mapped, type Told, those, upTo } from "./told.ts";

const RAW = [
  "cutoff_k",
  "view_count",
  "addtocart_count",
  "unique_items_count",
  "view_to_cart_ratio",
  "seconds_since_first_event",
  "seconds_since_first_cart",
  "seconds_since_last_cart",
  "seconds_since_previous_event",
  "inter_event_interval_mean",
  "events_after_cart",
  "repeated_views_of_cart_items",
  "hour_of_day",
  "day_of_week",
  "session_index",
  "prior_cart_sessions",
  "prior_purchase_sessions",
  "prior_transactions",
  "prior_addtocarts",
  "prev_cart_session_bought",
  "sessions_since_prev_cart",
] as const;

type Raw = (typeof RAW)[number];

const of =
  (told: (value: (name: Raw) => number) => number) =>
  (row: Row): number =>
    told((name) => row.number(name));

/** What trees find only by many splits: rates, differences and gaps on a logarithmic scale. */
const DERIVED: Told = {
  // Shares of what the shopper did before, drawn to the common share while little is known.
  prior_purchase_rate: of((v) => (v("prior_purchase_sessions") + 0.5) / (v("prior_cart_sessions") + 2)),
  prior_transactions_per_add: of((v) => (v("prior_transactions") + 0.3) / (v("prior_addtocarts") + 1)),
  prior_adds_per_cart: of((v) => v("prior_addtocarts") / v("prior_cart_sessions")),
  prior_transactions_per_purchase: of((v) => v("prior_transactions") / v("prior_purchase_sessions")),
  prior_cart_share: of((v) => v("prior_cart_sessions") / v("session_index")),
  prior_purchase_share: of((v) => v("prior_purchase_sessions") / v("session_index")),
  prior_other_sessions: of((v) => v("session_index") - 1 - v("prior_cart_sessions")),
  prior_lost_carts: of((v) => v("prior_cart_sessions") - v("prior_purchase_sessions")),
  seconds_to_first_cart: of((v) => v("seconds_since_first_event") - v("seconds_since_first_cart")),
  seconds_between_carts: of((v) => v("seconds_since_first_cart") - v("seconds_since_last_cart")),
  events: of((v) => v("view_count") + v("addtocart_count")),
  events_before_cart: of((v) => v("view_count") + v("addtocart_count") - v("events_after_cart") - 1),
  gap_to_mean: of((v) => Math.log((v("seconds_since_previous_event") + 1) / (v("inter_event_interval_mean") + 1))),
  views_per_item: of((v) => v("view_count") / v("unique_items_count")),
  repeated_share: of((v) => v("repeated_views_of_cart_items") / (v("view_count") + 1)),
  add_share: of((v) => v("addtocart_count") / (v("view_count") + v("addtocart_count"))),
  hour_of_week: of((v) => v("day_of_week") * 24 + v("hour_of_day")),
  // So that a night is one stretch of it.
  hour_from_noon: of((v) => (v("hour_of_day") + 12) % 24),
};

const TREES: Told = {
  ...Object.fromEntries(RAW.map((name) => [name, (row: Row) => row.number(name)])),
  ...finite(DERIVED),
};

/** What is no time of day or week, and never below nothing. */
const LOGS = mapped(
  those(TREES, /^(?!.*(hour|day|gap_to_mean))/),
  (name) => `log_${name}`,
  (value) => Math.log1p(Math.max(0, value)),
);

/** What a sum of weights cannot bend by itself. */
const LINEAR: Told = {
  ...LOGS,
  ...mapped(
    LOGS,
    (name) => `${name}_at_first`,
    (value, row) => (row.number("cutoff_k") === 0 ? value : 0),
  ),
  ...isOneOf("hour_of_day", upTo(24)),
  ...isOneOf("day_of_week", upTo(7)),
  ...isOneOf("cutoff_k", [0, 1, 2, 3, 5]),
  no_event_before: (row) => Number(Number.isNaN(row.number("seconds_since_previous_event"))),
  no_cart_before: (row) => Number(Number.isNaN(row.number("prev_cart_session_bought"))),
};

export const RETAILROCKET: Task = {
  about: "a purchase later in the session, at so many events after the first addition",
  columns: ["visitorid", "y", ...RAW],
  label: (row) => row.flag("y"),
  shopper: (row) => {
    const visitor = row.number("visitorid");
    if (Number.isNaN(visitor)) throw new CommandError("a row has no visitorid", "every row needs its visitor");
    return visitor;
  },
  moment: (row) => row.number("cutoff_k"),
  features: { ...TREES, ...LINEAR },
  options: {
    ...TRAINING_DEFAULTS,
    linearOnly: Object.keys(LINEAR),
    folds: 5,
    maxBins: 63,
    boost: [
      {
        ...BOOST_DEFAULTS,
        rounds: 800,
        learningRate: 0.025,
        maxDepth: 6,
        maxLeaves: 64,
        minChildHessian: 20,
        l2: 40,
        columnShare: 1,
        nodeColumnShare: 0.2,
        rowShare: 0.7,
        smoothing: 20,
        patience: 60,
      },
    ],
    l2: [60],
    bags: 6,
  },
};
