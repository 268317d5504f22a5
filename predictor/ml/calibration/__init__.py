"""Decisions from out-of-fold predictions: probability calibration, decision threshold, conformal intervals.

May import what stands above it in `predictor.ml`: `types` to `validation`."""
