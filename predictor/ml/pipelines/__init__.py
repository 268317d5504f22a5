"""Candidates (plain data), how one is fitted, the fitted pipeline, and the signature that it expects.

May import the subpackages from `types` to `calibration`.
"""
