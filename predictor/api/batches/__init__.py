"""Batch predictions of the REST API."""
