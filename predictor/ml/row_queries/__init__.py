"""Rows of a stored table by filters, search and order: pages of them, counts, facets, and files (CSV, XLSX).

DuckDB reads the stored Parquet file in this process. What a caller sends reaches SQL as parameters only; columns are
named by their place.
"""
