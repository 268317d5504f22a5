"""Model search: candidates, folds, time limits; ensemble selection, baselines, learning curve.

May import the subpackages from `types` to `persistence`.
"""
