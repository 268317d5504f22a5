"""What is decided from out-of-fold predictions: probability calibration, decision threshold, conformal intervals and sets.

May import what stands above it in `predictor.ml`: `types` to `validation`."""
