/** A store's carts and two models of different quality, for simulated weeks of shadow and canary. Pure: a seed is a week. */
import { type CanaryLook, GATES, judgeCanary, judgeShadow, pairedLogLoss } from "../../shared/model/gates.ts";
import { type Random, random } from "./random.ts";

const LOOKS_A_DAY = 4;

/** How a model errs: noise on the true log-odds, a shift of them, and how much too bold it is. */
export interface Quality {
  noise: number;
  shift?: number;
  boldness?: number;
}

export interface Shop {
  cartsADay: number;
  /** Log-odds of an average cart, and how carts differ. */
  centre?: number;
  spread?: number;
}

export interface World {
  shop: Shop;
  candidate: Quality;
  production: Quality;
  /** By how much the canary's carts are bought more rarely, in log-odds: what its messages spoil. */
  harm?: number;
}

interface Rows {
  labels: number[];
  groups: number[];
  candidate: number[];
  production: number[];
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

export class Week {
  readonly #from: Random;
  readonly #world: World;
  readonly rows: Rows = { labels: [], groups: [], candidate: [], production: [] };
  readonly canary = { carts: 0, bought: 0 };
  readonly control = { carts: 0, bought: 0 };
  #cart = 0;

  constructor(seed: number, world: World) {
    this.#from = random(seed);
    this.#world = world;
  }

  /** Carts that closed; two to five rows each, which share the cart's outcome and most of its odds. */
  carts(count: number, arm: "all" | "canary" | "production"): void {
    const { shop, candidate, production, harm = 0 } = this.#world;
    for (let i = 0; i < count; i++) {
      const cart = ++this.#cart;
      const odds = (shop.centre ?? -1) + (shop.spread ?? 1.2) * this.#normal();
      const label = this.#from.unit() < sigmoid(odds - (arm === "canary" ? harm : 0)) ? 1 : 0;
      if (arm !== "all") {
        const counted = arm === "canary" ? this.canary : this.control;
        counted.carts++;
        counted.bought += label;
      }
      if (arm === "production") continue;
      for (let moments = 2 + this.#from.below(4); moments > 0; moments--) {
        this.rows.labels.push(label);
        this.rows.groups.push(cart);
        this.rows.candidate.push(this.#predict(candidate, odds));
        this.rows.production.push(this.#predict(production, odds));
      }
    }
  }

  /** A model with noise knows less: the best it can say is nearer to the middle, by its noise against what carts differ. */
  #predict({ noise, shift = 0, boldness = 1 }: Quality, odds: number): number {
    const { centre = -1, spread = 1.2 } = this.#world.shop;
    const shrunk = spread ** 2 / (spread ** 2 + noise ** 2);
    const seen = odds + noise * this.#normal();
    return sigmoid(centre + shrunk * (seen - centre) * boldness + shift);
  }

  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#from.unit())) * Math.cos(2 * Math.PI * this.#from.unit());
  }
}

export interface Outcome {
  pass: boolean;
  reason: string;
  /** Days until it was decided. */
  days: number;
}

export function shadowWeek(seed: number, world: World): Outcome {
  const week = new Week(seed, world);
  for (let look = 1; ; look++) {
    week.carts(Math.round(world.shop.cartsADay / LOOKS_A_DAY), "all");
    const verdict = judgeShadow(pairedLogLoss(week.rows), look);
    if (verdict !== "wait") return { ...verdict, days: look / LOOKS_A_DAY };
  }
}

export function canaryWeek(seed: number, world: World): Outcome {
  const week = new Week(seed, world);
  for (let look = 1; ; look++) {
    const carts = world.shop.cartsADay / LOOKS_A_DAY;
    week.carts(Math.round(carts * GATES.canaryShare), "canary");
    week.carts(Math.round(carts * (1 - GATES.canaryShare)), "production");
    const seen: CanaryLook = { rows: week.rows, canary: week.canary, production: week.control };
    const verdict = judgeCanary(seen, look);
    if (verdict !== "wait") return { ...verdict, days: look / LOOKS_A_DAY };
  }
}
