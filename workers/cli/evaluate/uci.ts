/** UCI "Online Shoppers Purchasing Intention" (Sakar, Kastro 2018): a row is a whole session of somebody. */
import { BOOST_DEFAULTS } from "../../../shared/model/train/boost.ts";
import { TRAINING_DEFAULTS } from "../../../shared/model/train/train.ts";
import type { Row } from "./table.ts";
import type { Task } from "./tasks.ts";
import { mapped, type Told, those } from "./told.ts";

const KINDS = ["Administrative", "Informational", "ProductRelated"];
const NUMBERS = [
  ...KINDS.flatMap((kind) => [kind, `${kind}_Duration`]),
  ..."BounceRates ExitRates PageValues SpecialDay OperatingSystems Browser Region TrafficType".split(" "),
];
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** "June" and "Jun" are both found in copies of this set. */
const monthOf = (row: Row): number => {
  const month = MONTHS.indexOf(row.text("Month").slice(0, 3));
  return month < 0 ? Number.NaN : month;
};

const pages = (row: Row): number => KINDS.reduce((sum, kind) => sum + row.number(kind), 0);
const seconds = (row: Row): number => KINDS.reduce((sum, kind) => sum + row.number(`${kind}_Duration`), 0);

/** Some copies of the set have durations of −1. */
const log = (value: number): number => Math.log1p(Math.max(0, value));

const TREES: Told = {
  ...Object.fromEntries(NUMBERS.map((name) => [name, (row: Row) => row.number(name)])),
  month: monthOf,
  weekend: (row) => row.flag("Weekend"),
  returning: (row) => Number(row.text("VisitorType") === "Returning_Visitor"),
  newcomer: (row) => Number(row.text("VisitorType") === "New_Visitor"),
  ...Object.fromEntries(MONTHS.map((name, month) => [`month_${name}`, (row: Row) => Number(monthOf(row) === month)])),
  pages,
  seconds,
  seconds_per_page: (row) => seconds(row) / Math.max(1, pages(row)),
  seconds_per_product: (row) => row.number("ProductRelated_Duration") / Math.max(1, row.number("ProductRelated")),
  product_share: (row) => row.number("ProductRelated") / Math.max(1, pages(row)),
  page_value_log: (row) => log(row.number("PageValues")),
  page_values_by_pages: (row) => row.number("PageValues") * pages(row),
  page_value_by_exit: (row) => row.number("PageValues") / (row.number("ExitRates") + 0.01),
  exit_less_bounce: (row) => row.number("ExitRates") - row.number("BounceRates"),
  any_page_value: (row) => Number(row.number("PageValues") > 0),
  seconds_log: (row) => log(seconds(row)),
  pages_log: (row) => log(pages(row)),
};

const LOGS: Told = {
  ...mapped(
    those(TREES, /^(Admin|Info|Product|Special|seconds|page|product)(?!.*_log$)/),
    (name) => `log_${name}`,
    log,
  ),
  // Shares below 0.2: in percent their logarithm bends.
  ...mapped(
    those(TREES, /Rates$/),
    (name) => `log_${name}`,
    (value) => log(100 * value),
  ),
};

/** What a sum of weights cannot bend by itself. */
const LINEAR: Told = {
  ...LOGS,
  ...Object.fromEntries(
    [3, 8, 15, 25, 45].map((least) => [
      `page_value_over_${least}`,
      (row: Row) => Number(row.number("PageValues") > least),
    ]),
  ),
  // Nearly all who buy have seen a page of value: everything else weighs differently for them.
  ...mapped(
    { ...LOGS, ...those(TREES, /^(month_|returning|newcomer|weekend)/) },
    (name) => `${name}_of_value`,
    (value, row) => (row.number("PageValues") > 0 ? value : 0),
  ),
};

export const UCI: Task = {
  about: "whether the session ended in a purchase",
  columns: [...NUMBERS, "Month", "VisitorType", "Weekend", "Revenue"],
  label: (row) => row.flag("Revenue"),
  shopper: null,
  moment: null,
  features: { ...TREES, ...LINEAR },
  options: {
    ...TRAINING_DEFAULTS,
    linearOnly: Object.keys(LINEAR),
    folds: 10,
    boost: [
      {
        ...BOOST_DEFAULTS,
        rounds: 600,
        learningRate: 0.03,
        maxDepth: 4,
        maxLeaves: 16,
        minChildHessian: 5,
        l2: 10,
        columnShare: 1,
        nodeColumnShare: 0.4,
        rowShare: 0.7,
        smoothing: 5,
        patience: 60,
      },
    ],
    l2: [5, 15],
    bags: 5,
  },
};
