"""Feature engineering: canonical columns to one float32 matrix (FeatureSpec), one module for each kind of step.

May import what stands above it in `predictor.ml`: `types` to `metrics`."""
