import sift from "sift";
import type { Conditions } from "./rules.ts";

/** Operators a merchant may use. `$where` and friends run code and are refused before sift sees them. */
const OPERATORS = new Set([
  "$eq",
  "$ne",
  "$gt",
  "$gte",
  "$lt",
  "$lte",
  "$in",
  "$nin",
  "$all",
  "$exists",
  "$size",
  "$and",
  "$or",
  "$nor",
  "$not",
  "$elemMatch",
  "$mod",
]);
const MAX_DEPTH = 8;

/** The first thing wrong with a condition, or `null`. Checked when a campaign is saved. */
export function conditionError(value: unknown, depth = 0): string | null {
  if (depth > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH}`;
  if (Array.isArray(value)) return value.map((v) => conditionError(v, depth + 1)).find(Boolean) ?? null;
  if (typeof value !== "object" || value === null) return null;
  for (const [key, inner] of Object.entries(value)) {
    if (key.startsWith("$") && !OPERATORS.has(key)) return `unknown operator ${key}`;
    const found = conditionError(inner, depth + 1);
    if (found) return found;
  }
  return null;
}

type Test = (subject: unknown) => boolean;
/** Conditions never change once they are saved, and a cart asks the same ones with every beacon. */
const tests = new WeakMap<Conditions, Test>();

/** Does `subject` meet the conditions? Unsafe or broken conditions match nothing: saying nothing is the safe side. */
export function matches(conditions: Conditions | undefined, subject: unknown): boolean {
  if (!conditions || Object.keys(conditions).length === 0) return true;
  let test = tests.get(conditions);
  if (!test) {
    test = testOf(conditions);
    tests.set(conditions, test);
  }
  try {
    return test(subject);
  } catch {
    return false;
  }
}

function testOf(conditions: Conditions): Test {
  if (conditionError(conditions)) return () => false;
  try {
    return sift(conditions);
  } catch {
    return () => false;
  }
}
