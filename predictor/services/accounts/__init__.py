"""Workspaces and their members, API tokens, rate limits, and the first start."""
