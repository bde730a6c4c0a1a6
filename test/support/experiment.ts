/** Shoppers of a made-up shop, as experiments meet them: most buy nothing, some several times, and a few very much. */
import { type Arm, isHeldOut } from "../../shared/measure/assign.ts";
import type { Tally } from "../../shared/measure/incremental.ts";
import { type Random, random } from "./random.ts";

/** What moves one shopper's carts together: the same person likes the shop more, and dearer things. */
const SHOPPER_SPREAD = 0.5;
const LIKING = 0.6;
const CART_SPREAD = 0.8;
/** Log of the typical order in minor units: about 45.00. */
const TYPICAL = 3.8 + Math.log(100);
const MORE_CARTS = [0.3, 0.1] as const;

export interface Shop {
  /** Probability that a cart is bought, of a shopper in the middle. */
  conversion: number;
  /** What a message does to it. */
  lift: number;
}

/** The mean revenue per shopper, in minor units: of log-normals, so in closed form. */
export function expectedRevenue({ conversion }: Shop, lift = 1): number {
  const carts = 1 + MORE_CARTS[0] + MORE_CARTS[1];
  const shopper = Math.exp(((1 + LIKING) * SHOPPER_SPREAD) ** 2 / 2);
  return carts * conversion * lift * shopper * Math.exp(TYPICAL + CART_SPREAD ** 2 / 2);
}

const normal = (dice: Random): number =>
  Math.sqrt(-2 * Math.log(1 - dice.unit())) * Math.cos(2 * Math.PI * dice.unit());

/** What one shopper spends, all carts together. */
function spend(dice: Random, conversion: number): { minor: number; buys: boolean } {
  const person = SHOPPER_SPREAD * normal(dice);
  const carts = 1 + MORE_CARTS.filter((p) => dice.chance(p)).length;
  let minor = 0;
  let buys = false;
  for (let cart = 0; cart < carts; cart++) {
    if (!dice.chance(conversion * Math.exp(LIKING * person))) continue;
    minor += Math.round(Math.exp(TYPICAL + person + CART_SPREAD * normal(dice)));
    buys = true;
  }
  return { minor, buys };
}

const empty = (arm: Arm, holdout: number): Tally => ({
  arm,
  holdout,
  revenue: { n: 0, sum: 0, squares: 0, cubes: 0 },
  buyers: 0,
});

/** One run: so many shoppers under a holdout, in the arms that their names fall on. */
export function experiment(run: number, shoppers: number, holdout: number, shop: Shop): Tally[] {
  const dice = random(run * 7919 + shoppers);
  const arms = { treated: empty("treated", holdout), held_out: empty("held_out", holdout) };
  for (let i = 0; i < shoppers; i++) {
    const tally = arms[isHeldOut("st_sim", `cmp_${run}`, `sh_${i}`, holdout) ? "held_out" : "treated"];
    const { minor, buys } = spend(dice, shop.conversion * (tally.arm === "treated" ? shop.lift : 1));
    const { revenue } = tally;
    revenue.n += 1;
    revenue.sum += minor;
    revenue.squares += minor ** 2;
    revenue.cubes += minor ** 3;
    if (buys) tally.buyers += 1;
  }
  return [arms.treated, arms.held_out];
}
