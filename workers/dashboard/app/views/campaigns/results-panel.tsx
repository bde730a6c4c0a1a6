/** What the campaign caused: treated beside held out, the difference with its interval, and what attribution says of it. */
import type { StepCoupons } from "../../../../../shared/coupons.ts";
import type { ResultsView } from "../../../../../shared/measure/results-view.ts";
import { type Money, toMinor, toMoney } from "../../../../../shared/money.ts";
import { getResults, getStepCoupons } from "../../api/campaigns.ts";
import { may } from "../../api/session.ts";
import { formatMoney, percent, plural } from "../../format.ts";
import { useResource } from "../../live/resource.ts";
import { CellBar, FigureTable } from "../../ui/figure-table.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { SignalNotice } from "../signal-notice.tsx";
import { IntervalLine } from "./interval.tsx";
import { comparison, finePercent, headline, signedMoney, signedPoints } from "./result-words.ts";

export function ResultsPanel({ id }: { id: string }) {
  if (!may("analytics:read")) return <p class="panel panel-none">Your role in this store does not see its figures.</p>;
  return <Read id={id} />;
}

interface Counted {
  results: ResultsView;
  coupons: StepCoupons[];
}

async function readCounts(id: string): Promise<Counted> {
  const [results, { steps }] = await Promise.all([getResults(id), getStepCoupons(id)]);
  return { results, coupons: steps };
}

function Read({ id }: { id: string }) {
  const { data, problem, reload } = useResource(`results ${id}`, () => readCounts(id));
  return (
    <>
      <SignalNotice />
      {problem && <ProblemNotice problem={problem} retry={reload} />}
      {data ? <Results {...data} /> : !problem && <p class="loading">Counting…</p>}
    </>
  );
}

function Results({ results, coupons }: Counted) {
  return (
    <div class="results" data-testid="results">
      <Incremental results={results} />
      <Arms results={results} />
      {results.variants.length > 0 && <Variants results={results} />}
      {coupons.length > 0 && <Coupons steps={coupons} />}
    </div>
  );
}

function Incremental({ results }: { results: ResultsView }) {
  const { incremental, running } = results;
  const { amount, detail, tone } = headline(results);
  return (
    <section class="panel" aria-labelledby="incremental-heading">
      <h2 id="incremental-heading">Incremental revenue</h2>
      <p class="results-figure" data-tone={tone} data-testid="incremental">
        {amount ?? "Not enough yet"}
      </p>
      <p class="panel-lead">
        {incremental ? "What shoppers spent because they were written to. " : ""}
        {detail}
      </p>
      {incremental && (
        <IntervalLine
          low={Number(incremental.revenue.low.amount)}
          estimate={Number(incremental.revenue.estimate.amount)}
          high={Number(incremental.revenue.high.amount)}
          tone={tone}
          label={`Estimate ${amount}, ${detail}`}
          names={{
            low: signedMoney(incremental.revenue.low),
            zero: formatMoney(toMoney(0, incremental.revenue.low.currency)),
            high: signedMoney(incremental.revenue.high),
          }}
        />
      )}
      <p class="results-compare" data-testid="comparison">
        {comparison(results)}
      </p>
      {incremental && (
        <p class="panel-foot">
          Conversion {signedPoints(incremental.conversion.estimate)} ({signedPoints(incremental.conversion.low)} to{" "}
          {signedPoints(incremental.conversion.high)}), {signedMoney(incremental.revenuePerShopper.estimate)} a shopper.
        </p>
      )}
      {running > 0 && (
        <p class="panel-foot">
          For {plural(running, "shopper")} the {results.attribution.window} hours are not over: the figures still move.
        </p>
      )}
    </section>
  );
}

type Arm = ResultsView["arms"][number];
const ARMS: Record<Arm["arm"], string> = { treated: "Written to", held_out: "Held out" };

/** `null` for nobody. */
function perShopper({ revenue, shoppers }: Arm): Money | null {
  const minor = toMinor(revenue.amount, revenue.currency);
  return shoppers > 0 && minor !== null ? toMoney(Math.round(minor / shoppers), revenue.currency) : null;
}

const ARM_HEADS = ["Shoppers", "Count", "Bought", "Conversion", "Revenue a shopper", "Revenue", "Credited"];

function Arms({ results: { arms } }: { results: ResultsView }) {
  const most = Math.max(0.0001, ...arms.map(({ conversion }) => conversion ?? 0));
  return (
    <section class="panel" aria-labelledby="arms-heading">
      <h2 id="arms-heading">Written to, and held out</h2>
      <FigureTable
        heads={ARM_HEADS}
        testid="arm-result"
        rows={arms.map((arm) => [
          ARMS[arm.arm],
          arm.shoppers,
          arm.buyers,
          <CellBar key="bar" share={(arm.conversion ?? 0) / most} text={conversionOf(arm)} />,
          eachOf(arm),
          formatMoney(arm.revenue),
          formatMoney(arm.attributed.revenue),
        ])}
      />
    </section>
  );
}

const conversionOf = ({ conversion }: Pick<Arm, "conversion">): string =>
  conversion === null ? "–" : finePercent(conversion);

function eachOf(arm: Arm): string {
  const each = perShopper(arm);
  return each ? formatMoney(each) : "–";
}

const VARIANT_HEADS = ["Variant", "Share now", "Shoppers", "Conversion", "Revenue", "By click"];

function Variants({ results: { variants, allocation } }: { results: ResultsView }) {
  const treated = variants.filter(({ arm }) => arm === "treated");
  return (
    <section class="panel" aria-labelledby="variants-heading">
      <h2 id="variants-heading">Variants</h2>
      <p class="panel-lead">
        {allocation === "thompson"
          ? "The share is how probably each is the best, learned from orders."
          : "The share is by the weights of the campaign."}
      </p>
      <FigureTable
        heads={VARIANT_HEADS}
        testid="variant-result"
        rows={treated.map((variant) => [
          `${variant.stepId} · ${variant.variantId}`,
          <CellBar
            key="bar"
            share={variant.probability ?? 0}
            text={variant.probability === null ? "no longer used" : percent(variant.probability)}
          />,
          variant.shoppers,
          conversionOf(variant),
          formatMoney(variant.revenue),
          variant.attributed.byClick,
        ])}
      />
    </section>
  );
}

const COUPON_HEADS = ["Step", "Given out", "Redeemed", "Expired", "Left"];

function Coupons({ steps }: { steps: readonly StepCoupons[] }) {
  return (
    <section class="panel" aria-labelledby="coupons-heading">
      <h2 id="coupons-heading">Coupons</h2>
      <p class="panel-lead">One code for each cart, until the step’s budget is used up.</p>
      <FigureTable
        heads={COUPON_HEADS}
        testid="coupon-result"
        rows={steps.map((step) => [
          step.stepId,
          step.issued,
          step.redeemed,
          step.expired,
          step.budget === null ? "no longer given" : step.left,
        ])}
      />
    </section>
  );
}
