/** LightGBM's text (`save_model("x.txt")`, versions 2 to 4): gradient-boosted trees with logistic loss. */
import { MAX_FOREST_NODES, MAX_TREES } from "../check.ts";
import { emptyForest, growTree, ImportError, type SourceNode } from "./grow.ts";
import type { Imported } from "./index.ts";

type Section = Map<string, string>;

/** `decision_type`: bit 0 a split by categories, bit 1 missing goes left, bits 2 and 3 what counts as missing. */
const CATEGORICAL = 1;
const DEFAULT_LEFT = 2;
const MISSING = { none: 0, zero: 1, nan: 2 };

export function importLightgbm(bytes: Uint8Array): Imported {
  const [header, ...trees] = sections(new TextDecoder().decode(bytes));
  if (trees.length > MAX_TREES) throw new ImportError(`it has more than ${MAX_TREES} trees`);
  if (header!.has("average_output")) throw new ImportError("it is a random forest, whose mean is no sum of log-odds");
  if (header!.get("num_class") !== "1" || header!.get("num_tree_per_iteration") !== "1")
    throw new ImportError("it tells more than two classes apart");
  const width = Number(header!.get("max_feature_idx")) + 1;
  if (!Number.isInteger(width) || width < 1) throw new ImportError("max_feature_idx is wrong");
  const forest = emptyForest(false);
  trees.forEach((section, index) => {
    const tree = readTree(section, index);
    // a child below zero is the leaf ~child; a tree of one leaf has no inner node
    growTree(forest, {
      name: `tree ${index}`,
      root: tree.leaves === 1 ? -1 : 0,
      size: 2 * tree.leaves - 1,
      read: (node) => readNode(tree, index, node),
    });
  });
  const names = header!.get("feature_names")?.split(" ") ?? null;
  return { forest, base: 0, forestWeight: sigmoidOf(header!.get("objective") ?? ""), width, names };
}

/** p = 1 / (1 + exp(−sigmoid · raw)) */
function sigmoidOf(objective: string): number {
  const [name, ...options] = objective.split(" ");
  if (name !== "binary") throw new ImportError(`its objective is "${name!.slice(0, 40)}"; only "binary" can be taken`);
  const sigmoid = Number(options.find((option) => option.startsWith("sigmoid:"))?.slice(8) ?? 1);
  if (!(sigmoid > 0)) throw new ImportError("its sigmoid is wrong");
  return sigmoid;
}

const KEYS = new Set(
  (
    "num_class num_tree_per_iteration max_feature_idx objective feature_names average_output " +
    "num_leaves split_feature threshold decision_type left_child right_child leaf_value leaf_count is_linear"
  ).split(" "),
);

/** A tree takes some twenty. */
const MAX_LINES = 100 * MAX_TREES;

/** The header, then each tree. What follows the trees (importances, parameters) changes no prediction. */
function sections(text: string): Section[] {
  const found: Section[] = [new Map()];
  for (const line of text.split("\n", MAX_LINES)) {
    const trimmed = line.trimEnd();
    if (trimmed === "end of trees" || trimmed === "feature importances:") return found;
    if (/^Tree=\d+$/.test(trimmed)) {
      if (found.length > MAX_TREES) throw new ImportError(`it has more than ${MAX_TREES} trees`);
      found.push(new Map());
      continue;
    }
    const equals = trimmed.indexOf("=");
    const key = equals < 0 ? trimmed : trimmed.slice(0, equals);
    if (KEYS.has(key)) found.at(-1)!.set(key, equals < 0 ? "" : trimmed.slice(equals + 1));
  }
  throw new ImportError("it is cut off: the trees do not end");
}

interface Tree {
  leaves: number;
  feature: number[];
  threshold: number[];
  decision: number[];
  left: number[];
  right: number[];
  value: number[];
  count: number[] | null;
}

function readTree(section: Section, index: number): Tree {
  const leaves = Number(section.get("num_leaves"));
  if (!Number.isInteger(leaves) || leaves < 1 || leaves > MAX_FOREST_NODES)
    throw new ImportError(`num_leaves of tree ${index} is wrong`);
  if (section.get("is_linear") === "1") throw new ImportError("its leaves are linear models, which cannot be taken");
  const numbers = (key: string, length: number): number[] => {
    const list = (section.get(key) ?? "")
      .split(" ", length + 1)
      .map((word) => (word === "" ? Number.NaN : Number(word)));
    if (length > 0 && (list.length !== length || list.some(Number.isNaN)))
      throw new ImportError(`${key} of tree ${index} is not ${length} numbers`);
    return list;
  };
  const splits = leaves - 1;
  return {
    leaves,
    feature: numbers("split_feature", splits),
    threshold: numbers("threshold", splits),
    decision: numbers("decision_type", splits),
    left: numbers("left_child", splits),
    right: numbers("right_child", splits),
    value: numbers("leaf_value", leaves),
    count: leaves > 1 && section.has("leaf_count") ? numbers("leaf_count", leaves) : null,
  };
}

function readNode(tree: Tree, index: number, node: number): SourceNode {
  if (node < 0) {
    const value = tree.value[~node];
    if (value === undefined) throw new ImportError(`tree ${index} has no leaf ${~node}`);
    return { leaf: true, value, cover: tree.count?.[~node] ?? 1 };
  }
  const feature = tree.feature[node];
  if (feature === undefined || node >= tree.leaves - 1) throw new ImportError(`tree ${index} has no node ${node}`);
  const threshold = tree.threshold[node]!;
  const missingLeft = missingGoesLeft(tree.decision[node]!, threshold);
  return { leaf: false, feature, threshold, left: tree.left[node]!, right: tree.right[node]!, missingLeft };
}

function missingGoesLeft(decision: number, threshold: number): boolean {
  if ((decision & CATEGORICAL) !== 0) throw new ImportError("it splits by categories, which cannot be taken");
  const left = (decision & DEFAULT_LEFT) !== 0;
  const zeroLeft = 0 <= threshold;
  switch ((decision >> 2) & 3) {
    case MISSING.none: // a missing value counts as zero
      return zeroLeft;
    case MISSING.zero: // and so zero goes where missing ones go: the same only where it would go there by itself
      if (left !== zeroLeft)
        throw new ImportError("it takes zero for missing (zero_as_missing), which cannot be taken");
      return left;
    case MISSING.nan:
      return left;
    default:
      throw new ImportError("a decision_type is wrong");
  }
}
