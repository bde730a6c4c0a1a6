/** The codes that shoppers were given: whose, until when, and whether an order redeemed them. */
import { useState } from "preact/hooks";
import type { CouponStatus, CouponView } from "../../../../../shared/coupons.ts";
import type { Campaign } from "../../api/campaigns.ts";
import { type CouponFilter, listCoupons } from "../../api/coupons.ts";
import { fullTime, words } from "../../format.ts";
import { useAction } from "../../live/action.ts";
import { useResource } from "../../live/resource.ts";
import { cartHref } from "../../route.ts";
import { FigureTable } from "../../ui/figure-table.tsx";
import { Field, Form, SelectField, textOf } from "../../ui/form.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";

const HEADS = ["Code", "Status", "Campaign", "Valid until", "Cart"];
const TONES: Readonly<Record<CouponStatus, string>> = { issued: "waiting", redeemed: "good", expired: "still" };
const NAMES = Object.keys(TONES) as CouponStatus[];
const STATUSES = [{ value: "", label: "All" }, ...NAMES.map((value) => ({ value, label: words(value) }))];

export function CodesPanel({ campaigns }: { campaigns: readonly Campaign[] }) {
  const [filter, setFilter] = useState<CouponFilter>({});
  return (
    <section class="panel" aria-labelledby="codes-heading">
      <h2 id="codes-heading">Codes that were given out</h2>
      <div class="codes-ask">
        <Form
          submit="Find"
          busy="Finding…"
          work={async (values) => {
            const code = textOf(values, "code");
            const status = NAMES.find((name) => name === values.get("status"));
            setFilter({ ...(code && { code }), ...(status && { status }) });
          }}
          testid="codes-find"
        >
          <Field
            label="Code"
            name="code"
            maxLength={64}
            autocapitalize="off"
            spellcheck={false}
            data-testid="codes-code"
          />
          <SelectField label="Status" name="status" value="" options={STATUSES} />
        </Form>
      </div>
      <Found key={JSON.stringify(filter)} filter={filter} campaigns={campaigns} />
    </section>
  );
}

function Found({ filter, campaigns }: { filter: CouponFilter; campaigns: readonly Campaign[] }) {
  const { data, problem, reload } = useResource("codes", () => listCoupons(filter));
  const [more, setMore] = useState<{ items: CouponView[]; next: string | null } | null>(null);
  const next = more ? more.next : data?.nextCursor;
  const older = useAction(async () => {
    if (!next) return;
    const page = await listCoupons(filter, next);
    setMore({ items: [...(more?.items ?? []), ...page.items], next: page.nextCursor });
  });
  const names = new Map(campaigns.map(({ id, name }) => [id, name]));
  const items = [...(data?.items ?? []), ...(more?.items ?? [])];
  if (problem) return <ProblemNotice problem={problem} retry={reload} />;
  if (!data) return <p class="loading">Reading the codes…</p>;
  if (items.length === 0) return <p class="panel-none">None.</p>;
  return (
    <>
      <FigureTable
        heads={HEADS}
        words
        testid="code-row"
        rows={items.map(({ code, status, campaignId, stepId, expiresAt, redeemed, cartId }) => [
          <code key="code">{code}</code>,
          <span key="status" class="chip" data-tone={TONES[status]}>
            {words(status)}
          </span>,
          `${names.get(campaignId) ?? "A campaign that is gone"}, ${stepId}`,
          redeemed ? `Used ${fullTime(redeemed.at)}` : fullTime(expiresAt),
          <a key="cart" href={cartHref(cartId)}>
            {cartId}
          </a>,
        ])}
      />
      {older.problem && <ProblemNotice problem={older.problem} />}
      {next && (
        <button type="button" class="button codes-more" aria-disabled={older.busy} onClick={() => void older.run()}>
          More
        </button>
      )}
    </>
  );
}
