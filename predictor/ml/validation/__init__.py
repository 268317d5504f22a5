"""How a model is tested: target, training table, splits, stratification, duplicates, target leakage.

May import what stands above it in `predictor.ml`: `types` to `estimators`."""
