"""ONNX graphs for each family of estimators, the session that runs them, and the parity check against scikit-learn.

May import what stands above it in `predictor.ml`: `types` to `evaluation`."""
