#!/usr/bin/python3
"""Makes the LightGBM fixtures beside it, with the library's own predictions (lightgbm 4.7, numpy 2)."""
import json
import os
import re

import lightgbm
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
COLUMNS = 10
random = np.random.default_rng(11)


def rows(count, missing):
    x = np.round(random.normal(0, 1.5, (count, COLUMNS)), 4)
    x[random.random(x.shape) < missing] = np.nan
    return x


def labels(x):
    z = np.nan_to_num(x)
    odds = 1.3 * z[:, 9] + 0.8 * z[:, 2] - z[:, 4] * z[:, 5] + np.where(np.isnan(x[:, 9]), 1.5, 0)
    return (random.random(len(x)) < 1 / (1 + np.exp(-odds))).astype(int)


def keep(name, settings, missing, rounds):
    train, asked = rows(900, missing), rows(40, missing)
    data = lightgbm.Dataset(train, labels(train))
    fixed = {"objective": "binary", "verbose": -1, "seed": 3, "deterministic": True, "num_threads": 1}
    booster = lightgbm.train({**fixed, **settings}, data, rounds)
    text = booster.model_to_string()
    # the list of parameters is long, and nobody reads it
    text = re.sub(r"\nparameters:\n.*?end of parameters\n", "\n", text, flags=re.S)
    with open(f"{HERE}/{name}.txt", "w") as out:
        out.write(text)
    given = [[None if np.isnan(v) else v for v in row] for row in asked]
    with open(f"{HERE}/{name}.predictions.json", "w") as out:
        json.dump({"rows": given, "library": [float(p) for p in booster.predict(asked)]}, out, separators=(",", ":"))
        out.write("\n")


keep("lightgbm-binary", {"num_leaves": 3, "learning_rate": 0.3}, 0, 10)
keep("lightgbm-missing", {"num_leaves": 15, "learning_rate": 0.3, "min_data_in_leaf": 5}, 0.2, 12)
