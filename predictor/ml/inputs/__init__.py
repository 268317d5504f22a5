"""What callers send to be predicted: values, rows, CSV, JSON lines and Parquet, checked against a signature.

May import `types`, `execution` and `tables`.
"""
