"""ONNX graphs for each family of estimators, the session that runs them, and the parity check against scikit-learn.

May import the subpackages from `types` to `evaluation`.
"""
