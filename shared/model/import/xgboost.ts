/** XGBoost's JSON (`save_model("x.json")`, 1.0 and later): gradient-boosted trees with logistic loss. */
import * as z from "zod";
import { MAX_FOREST_NODES, MAX_TREES } from "../check.ts";
import { MAX_FEATURES } from "../walk.ts";
import { belowSingle, emptyForest, growTree, ImportError, logOdds, type SourceNode } from "./grow.ts";
import type { Imported } from "./index.ts";

/** Numbers of parameters are text in these files. */
const count = z.union([z.string().regex(/^\d{1,9}$/), z.number().int().min(0)]).transform(Number);
/** Looked at as a whole: a schema of its elements would collect an issue of each of a million wrong ones. */
const listOf = <T>(most: number, isElement: (value: unknown) => value is T): z.ZodType<T[]> =>
  z.custom<T[]>((value) => Array.isArray(value) && value.length <= most && value.every(isElement));
const perNode = listOf(MAX_FOREST_NODES, (value) => typeof value === "number");
/** Zeros and ones, or truths in later versions. */
const flags = listOf(MAX_FOREST_NODES, (value) => typeof value === "number" || typeof value === "boolean");

const treeSchema = z.object({
  left_children: perNode,
  right_children: perNode,
  split_indices: perNode,
  split_conditions: perNode,
  default_left: flags,
  split_type: perNode.optional(),
  sum_hessian: perNode.optional(),
});
type Tree = z.infer<typeof treeSchema>;

const trees = z.object({
  gbtree_model_param: z.object({ num_parallel_tree: count.optional() }).optional(),
  trees: listOf(MAX_TREES, (value): value is object => typeof value === "object"),
});

const file = z.object({
  learner: z.object({
    attributes: z.object({ best_iteration: z.string().optional(), scikit_learn: z.string().optional() }).optional(),
    feature_names: listOf(MAX_FEATURES, (value) => typeof value === "string").optional(),
    gradient_booster: z.object({ name: z.string(), model: z.unknown().optional() }),
    learner_model_param: z.object({ base_score: z.string(), num_feature: count }),
    objective: z.object({ name: z.string() }),
  }),
});

type Attributes = z.infer<typeof file>["learner"]["attributes"];

export function importXgboost(bytes: Uint8Array): Imported {
  const { attributes, feature_names, gradient_booster, objective, learner_model_param } = parse(
    file,
    jsonOf(bytes),
  ).learner;
  if (gradient_booster.name !== "gbtree")
    throw new ImportError(`its booster is "${gradient_booster.name.slice(0, 40)}"; only "gbtree" can be taken`);
  if (objective.name !== "binary:logistic" && objective.name !== "reg:logistic")
    throw new ImportError(`its objective is "${objective.name.slice(0, 40)}"; only "binary:logistic" can be taken`);
  const model = parse(trees, gradient_booster.model);
  const forest = emptyForest(true);
  model.trees.slice(0, usedTrees(attributes, model.gbtree_model_param?.num_parallel_tree)).forEach((given, index) => {
    const tree = parse(treeSchema, given);
    growTree(forest, { name: `tree ${index}`, root: 0, read: (node) => readNode(tree, node) });
  });
  const names = feature_names?.length ? feature_names : null;
  const { base_score, num_feature } = learner_model_param;
  return { forest, base: baseOf(base_score), forestWeight: 1, width: num_feature, names };
}

/** Brackets, braces and colons: a tree has some thirty, and each may become an object of a hundred bytes. */
const MAX_PARTS = 100 * MAX_TREES;
const PARTS = new Set([..."{[:"].map((character) => character.charCodeAt(0)));

function jsonOf(bytes: Uint8Array): unknown {
  let parts = 0;
  for (const byte of bytes) if (PARTS.has(byte)) parts += 1;
  if (parts > MAX_PARTS) throw new ImportError(`it has more parts than ${MAX_TREES} trees have`);
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new ImportError("it is not JSON (of XGBoost's own formats, `.json` can be read, `.ubj` cannot)");
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ImportError(`it is no XGBoost model: ${parsed.error.issues[0]!.path.join(".") || "the file"} is wrong`);
}

/**
 * Its scikit-learn interface predicts with the trees up to the best iteration of early stopping, and marks its files; the
 * native one with all.
 */
function usedTrees(attributes: Attributes = {}, treesAnIteration = 1): number {
  const best = Number(attributes.best_iteration ?? Number.NaN);
  if (!attributes.scikit_learn || !Number.isInteger(best) || best < 0) return MAX_TREES;
  return (best + 1) * Math.max(1, treesAnIteration);
}

/** A probability; later versions write a list of one. */
function baseOf(text: string): number {
  const probability = Number(text.replace(/^\[(.*)\]$/, "$1"));
  if (!(probability > 0 && probability < 1)) throw new ImportError("its base_score is no probability");
  return logOdds(Math.fround(probability));
}

function readNode(tree: Tree, node: number): SourceNode {
  const left = tree.left_children[node];
  const condition = tree.split_conditions[node];
  if (left === undefined || condition === undefined) throw new ImportError(`a tree has no node ${node}`);
  if (left === -1) return { leaf: true, value: Math.fround(condition), cover: tree.sum_hessian?.[node] ?? 1 };
  if (tree.split_type?.[node]) throw new ImportError("it splits by categories, which cannot be taken");
  const right = tree.right_children[node];
  const feature = tree.split_indices[node];
  if (right === undefined || feature === undefined) throw new ImportError(`node ${node} of a tree is not complete`);
  const missingLeft = Number(tree.default_left[node]) === 1;
  return { leaf: false, feature, threshold: belowSingle(condition), left, right, missingLeft };
}
