"""Candidates (plain data), how one is fitted, the fitted pipeline, and the signature that it expects.

May import what stands above it in `predictor.ml`: `types` to `calibration`."""
