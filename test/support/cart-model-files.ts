/** Small models as files that other libraries write, of features that carts have. */

/** XGBoost's JSON of one tree: more than one addition to the cart makes for `high` log-odds more, else for `low`. */
export const xgboostFile = (low: number, high: number, features = ["adds", "priorPurchases"]) => ({
  learner: {
    attributes: {},
    feature_names: features,
    gradient_booster: {
      name: "gbtree",
      model: {
        gbtree_model_param: { num_parallel_tree: "1", num_trees: "1" },
        trees: [
          {
            left_children: [1, -1, -1],
            right_children: [2, -1, -1],
            split_indices: [0, 0, 0],
            split_conditions: [1.5, low, high],
            default_left: [1, 0, 0],
            sum_hessian: [2, 1, 1],
          },
        ],
      },
    },
    learner_model_param: { base_score: "5E-1", num_feature: String(features.length) },
    objective: { name: "binary:logistic" },
  },
  version: [1, 7, 4],
});

let made = 0;
/** One that nobody imported before. */
export const newXgboostFile = () => xgboostFile(-1, ++made / 1024);
