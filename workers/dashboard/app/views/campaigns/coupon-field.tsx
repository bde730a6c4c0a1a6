/** What a step gives away: a code of its own for each cart, within a budget. */
import type { Coupon } from "../../../../../shared/policy/rules.ts";
import { listPools } from "../../api/coupons.ts";
import { store } from "../../api/session.ts";
import { useResource } from "../../live/resource.ts";
import { couponsHref } from "../../route.ts";
import { Check, Fault, NumberField, Select } from "../editing/fields.tsx";
import { newCoupon } from "./draft.ts";

const KINDS: readonly { value: Coupon["kind"]; label: string }[] = [
  { value: "percent", label: "Per cent off" },
  { value: "amount", label: "Amount off" },
  { value: "free_shipping", label: "Free shipping" },
  { value: "pool", label: "Code from a pool" },
];

interface Props {
  path: string;
  coupon: Coupon | undefined;
  onChange: (coupon: Coupon | undefined) => void;
}

export function CouponField({ path, coupon, onChange }: Props) {
  return (
    <fieldset class="coupon">
      <legend class="visually-hidden">Coupon</legend>
      <Check
        label="Give a coupon"
        checked={coupon !== undefined}
        onChange={(yes) => onChange(yes ? newCoupon() : undefined)}
        testid={`coupon-${path}`}
      />
      {coupon && <CouponForm path={path} coupon={coupon} onChange={onChange} />}
      <Fault path={path} />
    </fieldset>
  );
}

function CouponForm({ path, coupon, onChange }: Props & { coupon: Coupon }) {
  const set = (change: Partial<Coupon>) => onChange({ ...coupon, ...change });
  const { kind } = coupon;
  return (
    <div class="field-row">
      <Select
        label="Worth"
        path={`${path}.kind`}
        value={kind}
        options={KINDS}
        onChange={(value) => set(ofKind(KINDS.find((one) => one.value === value)?.value ?? "percent"))}
      />
      {(kind === "percent" || kind === "amount") && (
        <NumberField
          label={kind === "percent" ? "Per cent" : `Amount in ${store.value?.currency ?? "the store’s currency"}`}
          path={`${path}.amount`}
          value={coupon.amount}
          min={0}
          max={kind === "percent" ? 100 : 1_000_000}
          onChange={(amount) => set({ amount })}
        />
      )}
      {kind === "pool" && (
        <PoolField path={`${path}.poolId`} value={coupon.poolId ?? ""} onChange={(poolId) => set({ poolId })} />
      )}
      <Bounds path={path} coupon={coupon} set={set} />
    </div>
  );
}

/** One of the store's pools of imported codes. */
function PoolField({ path, value, onChange }: { path: string; value: string; onChange: (poolId: string) => void }) {
  const { data, problem } = useResource("coupon pools", listPools);
  const pools = data?.items ?? [];
  const none = { value: "", label: data && pools.length === 0 ? "No pool yet: import codes first" : "Choose a pool" };
  const gone = value === "" || pools.some(({ id }) => id === value) ? [] : [{ value, label: value }];
  return (
    <Select
      label="Pool"
      path={path}
      value={value}
      options={[none, ...gone, ...pools.map(({ id, name }) => ({ value: id, label: name }))]}
      hint={problem?.message ?? <a href={couponsHref}>Pools and their codes</a>}
      onChange={onChange}
    />
  );
}

type BoundsProps = { path: string; coupon: Coupon; set: (change: Partial<Coupon>) => void };

const Bounds = ({ path, coupon, set }: BoundsProps) => (
  <>
    <NumberField
      label="Valid for hours"
      path={`${path}.expiresHours`}
      value={coupon.expiresHours}
      min={0}
      max={8760}
      onChange={(expiresHours) => set({ expiresHours })}
    />
    <NumberField
      label="Budget in codes"
      path={`${path}.budget`}
      value={coupon.budget}
      min={1}
      max={1_000_000}
      step={1}
      hint="Never exceeded, whatever happens at once."
      onChange={(budget) => set({ budget })}
    />
  </>
);

/** What belongs to another kind goes. */
const ofKind = (kind: Coupon["kind"]): Partial<Coupon> => ({
  kind,
  amount: kind === "percent" || kind === "amount" ? 10 : 0,
  poolId: kind === "pool" ? "" : undefined,
});
