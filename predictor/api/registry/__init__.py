"""Registered models, versions and aliases of the REST API."""
