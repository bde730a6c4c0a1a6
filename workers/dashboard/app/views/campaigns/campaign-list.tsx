/** The store's campaigns, in the order in which carts are offered to them. */
import type { Campaign } from "../../api/campaigns.ts";
import { changeCampaign, getResults, listCampaigns } from "../../api/campaigns.ts";
import { may, user } from "../../api/session.ts";
import { percent } from "../../format.ts";
import { useAction } from "../../live/action.ts";
import { useResource } from "../../live/resource.ts";
import { campaignHref } from "../../route.ts";
import { ChannelIcon } from "../../ui/icons.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { SectionTabs } from "../editing/section-tabs.tsx";
import { SignalNotice } from "../signal-notice.tsx";
import { CHANNELS, delayWords, TRIGGERS } from "./campaign-words.ts";
import { conditionWords } from "./condition-rows.ts";
import { headline } from "./result-words.ts";

/** As carts are offered to them: the enabled ones by priority, the newest of equals first. */
const inOrder = (campaigns: readonly Campaign[]): Campaign[] =>
  [...campaigns].sort(
    (a, b) => Number(b.enabled) - Number(a.enabled) || b.priority - a.priority || (a.createdAt < b.createdAt ? 1 : -1),
  );

export function CampaignList() {
  const { data, problem, reload } = useResource(`campaigns ${user.value?.storeId}`, listCampaigns);
  return (
    <div class="page campaigns">
      <header class="page-head">
        <h1>Campaigns</h1>
        {may("campaigns:write") && (
          <a class="button button-primary" href={campaignHref(null)} data-testid="campaign-new">
            New campaign
          </a>
        )}
      </header>
      <SectionTabs at="Campaigns" />
      <SignalNotice />
      {problem && <ProblemNotice problem={problem} retry={reload} />}
      {!data && !problem && <p class="loading">Reading the campaigns…</p>}
      <ul class="campaign-list" data-testid="campaigns">
        {data && inOrder(data.items).map((item) => <CampaignRow key={item.id} item={item} changed={reload} />)}
      </ul>
      {data?.items.length === 0 && (
        <div class="empty">
          <h2>No campaign yet</h2>
          <p>Without one nobody is written to. A new campaign starts with one mail to who left a cart behind.</p>
        </div>
      )}
    </div>
  );
}

function CampaignRow({ item, changed }: { item: Campaign; changed: () => void }) {
  const only = conditionWords(item.conditions);
  return (
    <li class="panel campaign" data-testid="campaign-row" data-campaign-id={item.id} data-enabled={item.enabled}>
      <div class="campaign-main">
        <h2>
          <a href={campaignHref(item.id)}>{item.name}</a>
        </h2>
        <p class="campaign-trigger">
          {TRIGGERS[item.trigger].label}
          {only && `, and ${only}`}
        </p>
        <StepTrack steps={item.steps} />
        <p class="campaign-facts">
          priority {item.priority} · {item.holdout > 0 ? `${percent(item.holdout)} held out` : "nobody held out"}
          {item.allocation === "thompson" && " · variants learned"}
        </p>
      </div>
      <div class="campaign-side">
        <EnabledSwitch item={item} changed={changed} />
        {may("analytics:read") && <Effect id={item.id} />}
      </div>
    </li>
  );
}

function StepTrack({ steps }: Pick<Campaign, "steps">) {
  return (
    <ol class="track" aria-label="Steps">
      {steps.map((step) => (
        <li key={step.id}>
          <span class="track-delay">{delayWords(step.delayMinutes)}</span>
          <span class="track-channel" data-channel={step.channel}>
            <ChannelIcon channel={step.channel} size={17} />
            {CHANNELS[step.channel].label}
            {step.variants.length > 1 && <span class="track-more">×{step.variants.length}</span>}
            {step.coupon && <span class="track-more">coupon</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}

/** The switch moves at once when the server agrees; what somebody else changed meanwhile is read again. */
function EnabledSwitch({ item, changed }: { item: Campaign; changed: () => void }) {
  const { busy, problem, run } = useAction(async () => {
    try {
      await changeCampaign(item.id, { enabled: !item.enabled }, item.version);
    } finally {
      changed();
    }
  });
  return (
    <>
      <button
        type="button"
        class="switch"
        role="switch"
        aria-checked={item.enabled}
        aria-label={`${item.name} enabled`}
        aria-disabled={busy || !may("campaigns:write")}
        onClick={() => may("campaigns:write") && void run()}
        data-testid="campaign-switch"
      >
        <span class="switch-track" aria-hidden="true" />
        {item.enabled ? "Enabled" : "Paused"}
      </button>
      {problem && <ProblemNotice problem={problem} />}
    </>
  );
}

/** One read after the other: the results of many campaigns are many sums. */
let line: Promise<unknown> = Promise.resolve();
function inLine<T>(work: () => Promise<T>): Promise<T> {
  const mine = line.then(work, work);
  line = mine;
  return mine;
}

function Effect({ id }: { id: string }) {
  const { data, problem } = useResource(`effect ${id}`, () => inLine(() => getResults(id)));
  if (problem) return <p class="effect-note">The result cannot be read now: {problem.message}</p>;
  if (!data) return <p class="effect-note">…</p>;
  const { amount, detail, tone } = headline(data);
  return (
    <a class="effect" href={campaignHref(id, "results")} data-tone={tone} data-testid="effect">
      <span class="effect-amount">{amount ?? "Not enough yet"}</span>
      {amount && <span class="effect-note">incremental revenue</span>}
      <span class={amount ? "effect-note effect-range" : "effect-note"}>{detail}</span>
    </a>
  );
}
