"""Feature engineering: canonical columns to one float32 matrix (FeatureSpec), one module for each kind of step.

May import the subpackages from `types` to `metrics`.
"""
