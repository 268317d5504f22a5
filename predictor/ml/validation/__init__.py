"""How a model is tested: target, training table, splits, stratification, duplicates, target leakage.

May import the subpackages from `types` to `estimators`.
"""
