/** XGBoost's JSON (`save_model("x.json")`, 1.0 and later): gradient-boosted trees with logistic loss. */
import * as z from "zod";
import { MAX_FOREST_NODES, MAX_TREES } from "../check.ts";
import { MAX_FEATURES } from "../walk.ts";
import { belowSingle, emptyForest, growTree, ImportError, logOdds, type SourceNode } from "./grow.ts";
import type { Imported } from "./index.ts";

/** Numbers of parameters are text in these files. */
const count = z.union([z.string().regex(/^\d{1,9}$/), z.number().int().min(0)]).transform(Number);
const perNode = z.array(z.number()).max(MAX_FOREST_NODES);
const flags = z.array(z.union([z.number(), z.boolean()]).transform(Number)).max(MAX_FOREST_NODES);

const tree = z.object({
  left_children: perNode,
  right_children: perNode,
  split_indices: perNode,
  split_conditions: perNode,
  default_left: flags,
  split_type: perNode.optional(),
  sum_hessian: perNode.optional(),
});
type Tree = z.infer<typeof tree>;

const trees = z.object({
  gbtree_model_param: z.object({ num_parallel_tree: count.optional() }).optional(),
  trees: z.array(tree).max(MAX_TREES),
});

const file = z.object({
  learner: z.object({
    attributes: z.record(z.string(), z.string()).optional(),
    feature_names: z.array(z.string()).max(MAX_FEATURES).optional(),
    gradient_booster: z.object({ name: z.string(), model: z.unknown().optional() }),
    learner_model_param: z.object({ base_score: z.string(), num_feature: count }),
    objective: z.object({ name: z.string() }),
  }),
});

export function importXgboost(text: string): Imported {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new ImportError("it is not JSON");
  }
  const { attributes, feature_names, gradient_booster, objective, learner_model_param } = parse(file, json).learner;
  if (gradient_booster.name !== "gbtree")
    throw new ImportError(`its booster is "${gradient_booster.name.slice(0, 40)}"; only "gbtree" can be taken`);
  if (objective.name !== "binary:logistic" && objective.name !== "reg:logistic")
    throw new ImportError(`its objective is "${objective.name.slice(0, 40)}"; only "binary:logistic" can be taken`);
  const model = parse(trees, gradient_booster.model);
  const forest = emptyForest(true);
  model.trees.slice(0, usedTrees(attributes, model.gbtree_model_param?.num_parallel_tree)).forEach((tree, index) => {
    growTree(forest, `tree ${index}`, 0, (node) => readNode(tree, node));
  });
  const names = feature_names?.length ? feature_names : null;
  const { base_score, num_feature } = learner_model_param;
  return { forest, base: baseOf(base_score), forestWeight: 1, width: num_feature, names };
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
function usedTrees(attributes: Record<string, string> = {}, treesAnIteration = 1): number {
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
  const missingLeft = tree.default_left[node] === 1;
  return { leaf: false, feature, threshold: belowSingle(condition), left, right, missingLeft };
}
