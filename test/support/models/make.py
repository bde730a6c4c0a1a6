#!/usr/bin/python3
"""Makes the XGBoost and ONNX fixtures beside it, with the libraries' own predictions (xgboost 1.7, scikit-learn 1.2,
onnx 1.12). `node test/support/models/runtime.ts` then adds what onnxruntime-node answers for the ONNX files."""
import json
import os

import numpy as np
import onnx
import xgboost
from onnx import TensorProto, helper
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier

HERE = os.path.dirname(os.path.abspath(__file__))
COLUMNS = 8
random = np.random.default_rng(7)


def rows(count, missing):
    # multiples of 1/16: exact in 32 bits, and often equal to a threshold
    x = np.round(random.normal(0, 1.5, (count, COLUMNS)) * 16) / 16
    x[:, 1] = random.poisson(2, count)
    x[random.random(x.shape) < missing] = np.nan
    return x


def labels(x):
    z = np.nan_to_num(x)
    odds = 1.2 * z[:, 0] - 0.5 * z[:, 1] + z[:, 2] * z[:, 3] + np.where(np.isnan(x[:, 4]), 1.5, 0) - 1
    return (random.random(len(x)) < 1 / (1 + np.exp(-odds))).astype(int)


def keep(name, x, library):
    given = [[None if np.isnan(v) else v for v in row] for row in x]
    with open(f"{HERE}/{name}.predictions.json", "w") as out:
        json.dump({"rows": given, "library": [float(p) for p in library]}, out, separators=(",", ":"))
        out.write("\n")


train, valid, test = rows(1500, 0.15), rows(400, 0.15), rows(60, 0.15)
y, y_valid = labels(train), labels(valid)
full, full_test = rows(1500, 0), rows(60, 0)
y_full = labels(full)


def native():
    names = ["views", "adds", "minutes", "price", "coupon", "stage", "hour", "mobile"]
    data = xgboost.DMatrix(train, y, feature_names=names)
    settings = {"objective": "binary:logistic", "max_depth": 4, "eta": 0.4, "base_score": 0.3, "tree_method": "exact",
                "gamma": 1.5, "seed": 1}
    booster = xgboost.train(settings, data, 15)
    booster.save_model(f"{HERE}/xgboost-native.json")
    keep("xgboost-native", test, booster.predict(xgboost.DMatrix(test, feature_names=names)))
    return booster


def early_stopping():
    model = xgboost.XGBClassifier(n_estimators=60, max_depth=3, learning_rate=0.5, tree_method="hist", random_state=2,
                                  early_stopping_rounds=3, num_parallel_tree=2, subsample=0.7, gamma=2, eval_metric="logloss")
    model.fit(train, y, eval_set=[(valid, y_valid)], verbose=False)
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    model.save_model(f"{HERE}/xgboost-stopped.json")
    keep("xgboost-stopped", test, model.predict_proba(test)[:, 1])


def refused():
    for name, settings in {
        "dart": {"booster": "dart", "objective": "binary:logistic", "rate_drop": 0.1},
        "linear": {"booster": "gblinear", "objective": "binary:logistic"},
        "squared": {"objective": "reg:squarederror"},
    }.items():
        booster = xgboost.train({**settings, "max_depth": 2}, xgboost.DMatrix(train, y), 2)
        booster.save_model(f"{HERE}/xgboost-refused-{name}.json")
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3, "max_depth": 2},
                            xgboost.DMatrix(train, y + (train[:, 1] > 3)), 2)
    booster.save_model(f"{HERE}/xgboost-refused-classes.json")


def single(value, mode):
    """A 64-bit threshold for 32-bit features, as skl2onnx writes it."""
    value = float(value)
    near = np.float32(value)
    if mode == "BRANCH_LEQ" and float(near) > value:
        near = np.nextafter(near, np.float32(-np.inf))
    return float(near)


class Ensemble:
    """The attributes of a TreeEnsembleClassifier, in the layout of skl2onnx and onnxmltools."""

    def __init__(self):
        self.a = {k: [] for k in ["class_ids", "class_nodeids", "class_treeids", "class_weights", "nodes_falsenodeids",
                                  "nodes_featureids", "nodes_hitrates", "nodes_missing_value_tracks_true", "nodes_modes",
                                  "nodes_nodeids", "nodes_treeids", "nodes_truenodeids", "nodes_values"]}

    def node(self, tree, node, mode, feature, value, yes, no, tracks):
        for key, item in {"treeids": tree, "nodeids": node, "modes": mode, "featureids": feature, "values": value,
                          "truenodeids": yes, "falsenodeids": no, "missing_value_tracks_true": tracks, "hitrates": 1.0}.items():
            self.a[f"nodes_{key}"].append(item)

    def weight(self, tree, node, of, weight):
        for key, item in {"treeids": tree, "nodeids": node, "ids": of, "weights": weight}.items():
            self.a[f"class_{key}"].append(item)

    def save(self, name, transform, base=None, columns=COLUMNS):
        if base is not None:
            self.a["base_values"] = base
        node = helper.make_node("TreeEnsembleClassifier", ["X"], ["label", "probabilities"], domain="ai.onnx.ml",
                                classlabels_int64s=[0, 1], post_transform=transform, **self.a)
        graph = helper.make_graph(
            [node], name, [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, columns])],
            [helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
             helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])])
        model = helper.make_model(graph, producer_name="make.py", ir_version=8, opset_imports=[
            helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 1)])
        onnx.save(model, f"{HERE}/{name}.onnx")


def gradient_boosting():
    model = GradientBoostingClassifier(n_estimators=20, max_depth=3, random_state=3).fit(full, y_full)
    out = Ensemble()
    for index, regressor in enumerate(model.estimators_[:, 0]):
        tree = regressor.tree_
        for n in range(tree.node_count):
            if tree.children_left[n] < 0:
                out.node(index, n, "LEAF", 0, 0.0, 0, 0, 0)
                out.weight(index, n, 0, float(tree.value[n][0][0] * model.learning_rate))
            else:
                out.node(index, n, "BRANCH_LEQ", int(tree.feature[n]), single(tree.threshold[n], "BRANCH_LEQ"),
                         int(tree.children_left[n]), int(tree.children_right[n]), 0)
    prior = model.init_.class_prior_[1]
    out.save("onnx-gradient-boosting", "LOGISTIC", [float(np.log(prior / (1 - prior)))])
    keep("onnx-gradient-boosting", full_test, model.predict_proba(full_test)[:, 1])


def hist_gradient_boosting():
    model = HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=10, random_state=4).fit(train, y)
    out = Ensemble()
    for index, [predictor] in enumerate(model._predictors):
        for n, node in enumerate(predictor.nodes):
            if node["is_leaf"]:
                out.node(index, n, "LEAF", 0, 0.0, 0, 0, 0)
                out.weight(index, n, 0, float(node["value"]))
            else:
                out.node(index, n, "BRANCH_LEQ", int(node["feature_idx"]), single(node["num_threshold"], "BRANCH_LEQ"),
                         int(node["left"]), int(node["right"]), int(node["missing_go_to_left"]))
    out.save("onnx-hist-gradient-boosting", "LOGISTIC", [float(np.ravel(model._baseline_prediction)[0])])
    keep("onnx-hist-gradient-boosting", test, model.predict_proba(test)[:, 1])


def xgboost_onnx(booster):
    out = Ensemble()
    for index, text in enumerate(booster.get_dump(dump_format="json")):
        def walk(node):
            if "leaf" in node:
                out.node(index, node["nodeid"], "LEAF", 0, 0.0, 0, 0, 0)
                out.weight(index, node["nodeid"], 0, node["leaf"])
                return
            out.node(index, node["nodeid"], "BRANCH_LT", booster.feature_names.index(node["split"]), node["split_condition"],
                     node["yes"], node["no"], int(node["missing"] == node["yes"]))
            for child in node["children"]:
                walk(child)
        walk(json.loads(text))
    out.save("onnx-xgboost", "LOGISTIC", [float(np.log(0.3 / 0.7))])
    keep("onnx-xgboost", test, booster.predict(xgboost.DMatrix(test, feature_names=booster.feature_names)))


def random_forest():
    model = RandomForestClassifier(n_estimators=3, max_depth=3, random_state=5).fit(full, y_full)
    out = Ensemble()
    for index, estimator in enumerate(model.estimators_):
        tree = estimator.tree_
        for n in range(tree.node_count):
            if tree.children_left[n] < 0:
                out.node(index, n, "LEAF", 0, 0.0, 0, 0, 0)
                for of, share in enumerate(tree.value[n][0] / tree.value[n][0].sum()):
                    out.weight(index, n, of, float(share / 3))
            else:
                out.node(index, n, "BRANCH_LEQ", int(tree.feature[n]), single(tree.threshold[n], "BRANCH_LEQ"),
                         int(tree.children_left[n]), int(tree.children_right[n]), 0)
    out.save("onnx-refused-random-forest", "NONE")


booster = native()
early_stopping()
refused()
gradient_boosting()
hist_gradient_boosting()
xgboost_onnx(booster)
random_forest()
