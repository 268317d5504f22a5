"""Clusters and anomalies: methods, profiles, reports.

May import the subpackages from `types` to `search`.
"""
