"""Clusters and anomalies: methods, profiles, reports.

May import what stands above it in `predictor.ml`: `types` to `search`."""
