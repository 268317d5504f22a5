"""Training runs and estimators of the REST API."""
