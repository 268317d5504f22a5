"""Time series: frequency, series, lag features, backtest, horizon intervals, report.

May import the subpackages from `types` to `unsupervised`.
"""
