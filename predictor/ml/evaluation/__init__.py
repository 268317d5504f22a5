"""The evaluation report on held-out rows: verdict, slices, the report at another decision threshold.

May import what stands above it in `predictor.ml`: `types` to `explanation`."""
