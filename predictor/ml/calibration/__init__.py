"""Decisions from out-of-fold predictions: probability calibration, decision threshold, conformal intervals.

May import the subpackages from `types` to `validation`.
"""
