"""The evaluation report on held-out rows: verdict, slices, the report at another decision threshold.

May import the subpackages from `types` to `explanation`.
"""
