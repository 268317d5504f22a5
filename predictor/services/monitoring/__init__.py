"""Monitoring: actual values of predictions, and how models do on live data."""
