"""Predictions, counterfactuals and the prediction log of the REST API."""
