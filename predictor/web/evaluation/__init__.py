"""Pages of evaluation reports: metrics, charts, limits, clusters, anomalies, forecasts."""
