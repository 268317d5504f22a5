"""Permutation importance, Shapley values, partial dependence, counterfactuals, nearest training examples.

May import the subpackages from `types` to `pipelines`.
"""
