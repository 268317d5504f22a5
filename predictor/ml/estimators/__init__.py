"""The catalogue of estimators with their hyperparameters and builders, and estimators of our own.

May import what stands above it in `predictor.ml`: `types` to `features`."""
