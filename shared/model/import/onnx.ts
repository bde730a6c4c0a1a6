/**
 * ONNX files with a `TreeEnsembleClassifier` of two classes (ai.onnx.ml, versions 1 to 3), as skl2onnx and onnxmltools write
 * them from gradient boosting of scikit-learn, XGBoost and LightGBM. Field numbers are those of onnx.proto.
 */
import { MAX_FOREST_NODES } from "../check.ts";
import { belowDouble, belowSingle, emptyForest, growTree, ImportError, type SourceNode } from "./grow.ts";
import type { Imported } from "./index.ts";
import { floats, integers, type Message, messages, readMessage, strings } from "./protobuf.ts";

const MODEL = { graph: 7 };
const GRAPH = { node: 1, input: 11 };
const NODE = { input: 1, output: 2, name: 4, attribute: 5 };
const ATTRIBUTE = { name: 1, i: 3, s: 4, t: 5, floats: 7, ints: 8, strings: 9 };
const TENSOR = { float: 4, raw: 9, double: 10, type: 2 };
const DOUBLE = 11;

/** They neither change a feature nor a probability, but for rounding to 32 bits, as the trees do by themselves. */
const HARMLESS = new Set(["Identity", "Cast", "ZipMap"]);

export function importOnnx(bytes: Uint8Array): Imported {
  const graph = messages(readMessage(bytes), MODEL.graph)[0];
  if (!graph) throw new ImportError("it is no ONNX file: it has no graph");
  const node = ensembleOf(graph);
  const attributes = new Map(messages(node, NODE.attribute).map((a) => [strings(a, ATTRIBUTE.name)[0] ?? "", a]));
  const ensemble = new Ensemble(attributes);
  return { ...ensemble.read(), forestWeight: 1, width: widthOf(graph), names: null };
}

/** The one node with trees, if nothing before it changes the features and nothing after it the probabilities. */
function ensembleOf(graph: Message): Message {
  const nodes = messages(graph, GRAPH.node);
  const nameOf = (node: Message): string => (strings(node, NODE.name)[0] ?? "").slice(0, 40);
  const found = nodes.filter((node) => nameOf(node) === "TreeEnsembleClassifier");
  const ensemble = found[0];
  if (!ensemble || found.length > 1)
    throw new ImportError(
      `it has ${found.length} nodes TreeEnsembleClassifier, not one (its nodes: ${nodes.slice(0, 8).map(nameOf).join(", ")})`,
    );
  const producers = new Map(nodes.flatMap((node) => strings(node, NODE.output).map((name) => [name, node] as const)));
  const probabilities = new Set([strings(ensemble, NODE.output)[1] ?? ""]);
  for (const node of nodes) {
    // in the order of the graph, which ONNX wants sorted
    if (node === ensemble || !strings(node, NODE.input).some((name) => probabilities.has(name))) continue;
    if (!HARMLESS.has(nameOf(node)))
      throw new ImportError(`a node ${nameOf(node)} changes the probabilities that its trees tell`);
    for (const name of strings(node, NODE.output)) probabilities.add(name);
  }
  let input = strings(ensemble, NODE.input)[0] ?? "";
  for (let steps = 0; producers.has(input); steps++) {
    const node = producers.get(input)!;
    if (!HARMLESS.has(nameOf(node)) || steps > nodes.length)
      throw new ImportError(`a node ${nameOf(node)} changes the features before its trees see them`);
    input = strings(node, NODE.input)[0] ?? "";
  }
  return ensemble;
}

/** Columns of the graph's input, where its shape says so: value → type → tensor → shape → second dimension. */
function widthOf(graph: Message): number | null {
  const type = messages(graph, GRAPH.input).flatMap((input) => messages(input, 2))[0];
  const shape = type && messages(type, 1).flatMap((tensor) => messages(tensor, 2))[0];
  const columns = shape && messages(shape, 1)[1]?.get(1)?.[0];
  return typeof columns === "number" && columns > 0 ? columns : null;
}

const MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "LEAF"] as const;
type Mode = (typeof MODES)[number];

class Ensemble {
  readonly #attributes: Map<string, Message>;
  /** Numbers of 64 bits came in tensors; else features are compared in 32. */
  readonly #double: boolean;

  constructor(attributes: Map<string, Message>) {
    this.#attributes = attributes;
    this.#double = attributes.has("nodes_values_as_tensor");
  }

  read(): Pick<Imported, "forest" | "base"> {
    const nodes = this.#nodes();
    const { leaf, base } = this.#weights();
    const forest = emptyForest(!this.#double);
    for (const [tree, { root, members }] of nodes)
      growTree(forest, {
        name: `tree ${tree}`,
        root,
        size: members.size,
        read: (id) => {
          const node = members.get(id);
          if (!node) throw new ImportError(`tree ${tree} has no node ${id}`);
          return node.leaf ? { ...node, value: leaf(tree, id) } : node;
        },
      });
    return { forest, base };
  }

  #ints(name: string): number[] {
    return integers(this.#attributes.get(name)?.get(ATTRIBUTE.ints) ?? []);
  }

  #numbers(name: string): number[] {
    const tensor = this.#attributes.get(`${name}_as_tensor`);
    if (!tensor) return floats(this.#attributes.get(name)?.get(ATTRIBUTE.floats) ?? [], 4);
    const content = messages(tensor, ATTRIBUTE.t)[0] ?? new Map();
    const double = content.get(TENSOR.type)?.[0] === DOUBLE;
    return [
      ...floats(content.get(TENSOR.raw) ?? [], double ? 8 : 4),
      ...floats(content.get(double ? TENSOR.double : TENSOR.float) ?? [], double ? 8 : 4),
    ];
  }

  #texts(name: string): string[] {
    const attribute = this.#attributes.get(name);
    return attribute ? strings(attribute, ATTRIBUTE.strings) : [];
  }

  /** By tree: its nodes, and the one that no other leads to. */
  #nodes(): Map<number, { root: number; members: Map<number, SourceNode> }> {
    const ids = this.#ints("nodes_nodeids");
    if (ids.length > MAX_FOREST_NODES) throw new ImportError(`its trees have more than ${MAX_FOREST_NODES} nodes`);
    const lists = {
      tree: this.#ints("nodes_treeids"),
      feature: this.#ints("nodes_featureids"),
      yes: this.#ints("nodes_truenodeids"),
      no: this.#ints("nodes_falsenodeids"),
      value: this.#numbers("nodes_values"),
      mode: this.#texts("nodes_modes"),
    };
    for (const [name, list] of Object.entries(lists))
      if (list.length !== ids.length)
        throw new ImportError(`it tells ${list.length} times the ${name} of ${ids.length} nodes`);
    const tracks = this.#ints("nodes_missing_value_tracks_true");
    const rates = this.#numbers("nodes_hitrates");
    const trees = new Map<number, { root: number; members: Map<number, SourceNode>; children: Set<number> }>();
    ids.forEach((id, i) => {
      const tree = lists.tree[i]!;
      const entry = trees.get(tree) ?? { root: id, members: new Map(), children: new Set() };
      trees.set(tree, entry);
      const node = this.#node(
        lists.mode[i]!,
        lists.feature[i]!,
        lists.value[i]!,
        lists.yes[i]!,
        lists.no[i]!,
        tracks[i] === 1,
      );
      entry.members.set(id, node.leaf ? { ...node, cover: rates[i] ?? 1 } : node);
      if (!node.leaf) entry.children.add(node.left).add(node.right);
    });
    for (const [tree, entry] of trees) {
      const roots = [...entry.members.keys()].filter((id) => !entry.children.has(id));
      if (roots.length !== 1) throw new ImportError(`tree ${tree} has ${roots.length} nodes to begin at, not one`);
      entry.root = roots[0]!;
    }
    return trees;
  }

  /** `x < t` and `x ≥ t` become a comparison with the number just below `t`; the others' branches change places. */
  #node(mode: string, feature: number, value: number, yes: number, no: number, tracksYes: boolean): SourceNode {
    const below = this.#double ? belowDouble : belowSingle;
    switch (mode as Mode) {
      case "LEAF":
        return { leaf: true, value: 0, cover: 1 };
      case "BRANCH_LEQ":
        return { leaf: false, feature, threshold: value, left: yes, right: no, missingLeft: tracksYes };
      case "BRANCH_LT":
        return { leaf: false, feature, threshold: below(value), left: yes, right: no, missingLeft: tracksYes };
      case "BRANCH_GT":
        return { leaf: false, feature, threshold: value, left: no, right: yes, missingLeft: !tracksYes };
      case "BRANCH_GTE":
        return { leaf: false, feature, threshold: below(value), left: no, right: yes, missingLeft: !tracksYes };
      default:
        throw new ImportError(`a node's mode is "${mode.slice(0, 40)}"; only ${MODES.join(", ")} can be taken`);
    }
  }

  /** What each leaf adds to the log-odds of the second class, and what all rows begin with. */
  #weights(): { leaf: (tree: number, node: number) => number; base: number } {
    const ids = this.#ints("class_ids");
    const trees = this.#ints("class_treeids");
    const nodes = this.#ints("class_nodeids");
    const weights = this.#numbers("class_weights");
    if (ids.length > 2 * MAX_FOREST_NODES || [trees, nodes, weights].some((list) => list.length !== ids.length))
      throw new ImportError("its class_ids, class_treeids, class_nodeids and class_weights are of different lengths");
    const classes = Math.max(this.#ints("classlabels_int64s").length, this.#texts("classlabels_strings").length);
    if (classes !== 2) throw new ImportError(`it tells ${classes} classes apart, not two`);
    const { sign, base } = this.#layout(ids, weights);
    const sums = new Map<number, Map<number, number>>();
    ids.forEach((id, i) => {
      const ofTree = sums.get(trees[i]!) ?? new Map<number, number>();
      sums.set(trees[i]!, ofTree);
      ofTree.set(nodes[i]!, (ofTree.get(nodes[i]!) ?? 0) + sign(id) * weights[i]!);
    });
    return { leaf: (tree, node) => sums.get(tree)?.get(node) ?? 0, base };
  }

  /**
   * With weights of the first class only, its sum is, against its name, the score of the second class; with weights of both,
   * LOGISTIC takes the second's sum alone and SOFTMAX the difference. Elsewhere onnxruntime and the specification differ, or
   * the sum is a mean of probabilities.
   */
  #layout(ids: number[], weights: number[]): { sign: (id: number) => number; base: number } {
    const transform = strings(this.#attributes.get("post_transform") ?? new Map(), ATTRIBUTE.s)[0] ?? "NONE";
    const base = this.#numbers("base_values");
    if (ids.some((id) => id !== 0 && id !== 1)) throw new ImportError("a class is none of its two");
    const used = new Set(ids);
    if (base.length > (used.has(1) ? 0 : 1))
      throw new ImportError("its base_values are not the one number that goes with weights of the first class alone");
    if (transform === "NONE" && (used.size > 1 || weights.every((weight) => weight >= 0)))
      throw new ImportError("its trees add up probabilities, not log-odds");
    if (transform === "LOGISTIC" || (transform === "NONE" && used.size < 2))
      return { sign: used.size < 2 ? () => 1 : (id) => id, base: base[0] ?? 0 };
    if (transform === "SOFTMAX" && used.size > 1) return { sign: (id) => 2 * id - 1, base: 0 };
    throw new ImportError(`its post_transform is ${transform.slice(0, 40)}; LOGISTIC can be taken`);
  }
}
