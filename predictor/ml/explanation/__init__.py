"""Permutation importance, Shapley values, partial dependence, counterfactuals, nearest training examples.

May import what stands above it in `predictor.ml`: `types` to `pipelines`."""
