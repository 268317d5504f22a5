"""An uploaded file becomes a typed table: encoding, dialect, type inference, Parquet, profiles (DuckDB).

May import `types` and `execution`.
"""
