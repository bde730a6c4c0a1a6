/** Coupons: the pools of the shop's own codes, what campaigns may give out, and what they gave. */
import type { StepCoupons } from "../../../../../shared/coupons.ts";
import { getStepCoupons, listCampaigns } from "../../api/campaigns.ts";
import { listPools } from "../../api/coupons.ts";
import { store, user } from "../../api/session.ts";
import { plural } from "../../format.ts";
import { useResource } from "../../live/resource.ts";
import { campaignHref } from "../../route.ts";
import { CellBar, FigureTable } from "../../ui/figure-table.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { couponWords } from "../campaigns/campaign-words.ts";
import { SectionTabs } from "../editing/section-tabs.tsx";
import { CodesPanel } from "./codes-panel.tsx";
import { type Giving, givingSteps } from "./giving.ts";
import { NewPool } from "./pool-dialogs.tsx";
import { PoolRow } from "./pool-row.tsx";

async function read() {
  const [pools, campaigns] = await Promise.all([listPools(), listCampaigns()]);
  const giving = campaigns.items.filter(({ steps }) => steps.some(({ coupon }) => coupon));
  const figures = await Promise.all(
    giving.map(async ({ id }): Promise<[string, StepCoupons[]]> => [id, (await getStepCoupons(id)).steps]),
  );
  return { pools: pools.items, giving: givingSteps(giving, new Map(figures)), campaigns: campaigns.items };
}

export function CouponsPage() {
  const { data, problem, reload } = useResource(`coupons ${user.value?.storeId}`, read);
  return (
    <div class="page coupons">
      <header class="page-head">
        <h1>Coupons</h1>
        <NewPool changed={reload} />
      </header>
      <SectionTabs at="Coupons" />
      {problem && <ProblemNotice problem={problem} retry={reload} />}
      {!data && !problem && <p class="loading">Reading the coupons…</p>}
      {data && (
        <>
          <h2 class="coupons-heading">Pools</h2>
          {data.pools.length === 0 && (
            <div class="empty">
              <h2>No pool yet</h2>
              <p>
                A pool holds codes that your shop knows already, from a file or made here. Steps that give a percentage
                or an amount need none: each cart gets a new code.
              </p>
            </div>
          )}
          <ul class="pool-list" data-testid="pools">
            {data.pools.map((pool) => (
              <PoolRow
                key={pool.id}
                pool={pool}
                giving={data.giving.filter(({ coupon }) => coupon.kind === "pool" && coupon.poolId === pool.id)}
                changed={reload}
              />
            ))}
          </ul>
          {data.giving.length > 0 && <Given giving={data.giving} />}
          <CodesPanel campaigns={data.campaigns} />
        </>
      )}
    </div>
  );
}

const HEADS = ["Step", "Worth", "Valid for", "Given of budget", "Redeemed", "Ran out", "Left"];

function Given({ giving }: { giving: readonly Giving[] }) {
  const currency = store.value?.currency ?? "";
  return (
    <section class="panel" aria-labelledby="giving-heading">
      <h2 id="giving-heading">What campaigns give</h2>
      <FigureTable
        heads={HEADS}
        testid="giving-row"
        rows={giving.map(({ campaign, step, coupon, figures }) => [
          <>
            <a href={campaignHref(campaign.id)}>{campaign.name}</a>{" "}
            <span class="giving-step">
              {step.id}
              {!campaign.enabled && ", paused"}
            </span>
          </>,
          couponWords(coupon, currency),
          plural(coupon.expiresHours, "hour"),
          <CellBar
            key="bar"
            share={(figures?.issued ?? 0) / coupon.budget}
            text={`${figures?.issued ?? 0} of ${coupon.budget}`}
          />,
          figures?.redeemed ?? 0,
          figures?.expired ?? 0,
          figures?.left ?? coupon.budget,
        ])}
      />
    </section>
  );
}
