"""Time series: frequency, series, lag features, backtest, horizon intervals, report.

May import what stands above it in `predictor.ml`: `types` to `unsupervised`."""
