"""Scores, curves and confidence intervals, in plain NumPy.

May import `types`.
"""
