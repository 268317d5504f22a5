"""Text of an uploaded CSV file: its encoding, dialect, lines around the table, records, and results as CSV.

May import `types` and `execution`.
"""
