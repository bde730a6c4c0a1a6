/** One pool: what is left in it, who draws from it, and what can be done with it. */
import { useState } from "preact/hooks";
import type { CouponPoolView } from "../../../../../shared/coupons.ts";
import { deletePool } from "../../api/coupons.ts";
import { may } from "../../api/session.ts";
import { percent, plural } from "../../format.ts";
import { campaignHref } from "../../route.ts";
import { Confirm } from "../../ui/dialog.tsx";
import { Ago } from "../../ui/times.tsx";
import { type Giving, missing } from "./giving.ts";
import { GenerateDialog, ImportDialog } from "./pool-dialogs.tsx";

interface Props {
  pool: CouponPoolView;
  giving: readonly Giving[];
  changed: () => void;
}

export function PoolRow({ pool, giving, changed }: Props) {
  const { name, left, taken, added, createdAt } = pool;
  const lack = missing(pool, giving);
  return (
    <li class="panel pool" data-testid="pool-row" data-pool-id={pool.id}>
      <div class="pool-main">
        <h3>{name}</h3>
        <p class="pool-left">
          <b>{left}</b> left of {plural(added, "code")}
        </p>
        <span class="pool-track" aria-hidden="true">
          <span style={{ width: percent(added === 0 ? 0 : left / added) }} />
        </span>
        <p class="pool-facts">
          {taken} given out · made <Ago at={createdAt} />
        </p>
        {lack > 0 && <p class="pool-lack">Its steps may give {plural(lack, "code")} more than there are.</p>}
        <Draws giving={giving} />
      </div>
      {may("campaigns:write") && <Actions pool={pool} changed={changed} />}
    </li>
  );
}

function Draws({ giving }: Pick<Props, "giving">) {
  if (giving.length === 0) return <p class="pool-facts">No step draws from it yet: choose it as a step’s coupon.</p>;
  return (
    <ul class="pool-draws">
      {giving.map(({ campaign, step, coupon, figures }) => (
        <li key={`${campaign.id} ${step.id}`}>
          <a href={campaignHref(campaign.id)}>{campaign.name}</a>, {step.id}: {figures?.issued ?? 0} of {coupon.budget}{" "}
          given, each valid for {plural(coupon.expiresHours, "hour")}
          {!campaign.enabled && " (paused)"}
        </li>
      ))}
    </ul>
  );
}

type Asking = "import" | "generate" | "delete" | null;

function Actions({ pool, changed }: Omit<Props, "giving">) {
  const [asking, setAsking] = useState<Asking>(null);
  const close = () => setAsking(null);
  const remove = async () => {
    await deletePool(pool.id);
    changed();
  };
  return (
    <p class="pool-actions">
      <button type="button" class="button" onClick={() => setAsking("import")} data-testid="pool-import">
        Import a file
      </button>
      <button type="button" class="button" onClick={() => setAsking("generate")} data-testid="pool-generate">
        Make codes
      </button>
      <button type="button" class="button button-quiet" onClick={() => setAsking("delete")} data-testid="pool-delete">
        Delete
      </button>
      {asking === "import" && <ImportDialog pool={pool} changed={changed} onClose={close} />}
      {asking === "generate" && <GenerateDialog pool={pool} changed={changed} onClose={close} />}
      {asking === "delete" && (
        <Confirm
          title={`Delete ${pool.name}?`}
          confirm="Delete"
          busy="Deleting…"
          tone="danger"
          onConfirm={remove}
          onClose={close}
        >
          <p>
            {pool.left > 0 ? `${plural(pool.left, "code")} that nobody was given go with it. ` : ""}Coupons that were
            given out stay valid.
          </p>
        </Confirm>
      )}
    </p>
  );
}
