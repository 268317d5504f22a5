"""The catalogue of estimators with their hyperparameters and builders, and estimators of our own.

May import the subpackages from `types` to `features`.
"""
