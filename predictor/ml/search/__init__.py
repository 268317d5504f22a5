"""Model search: candidates, folds, time limits; ensemble selection, baselines, learning curve.

May import what stands above it in `predictor.ml`: `types` to `persistence`."""
