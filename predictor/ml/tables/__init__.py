"""An uploaded file becomes a typed table: type inference, readings, Parquet, profiles (DuckDB).

May import `types`, `execution` and `csv_files`.
"""
