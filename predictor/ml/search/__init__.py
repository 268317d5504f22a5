"""Model search: which candidates, in which order, on which folds, within the time; ensemble selection, baselines, learning curve.

May import what stands above it in `predictor.ml`: `types` to `persistence`."""
