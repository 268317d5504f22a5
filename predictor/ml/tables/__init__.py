"""An uploaded file becomes a typed table: encoding, dialect, type inference, rejected rows, Parquet, column profiles (DuckDB).

May import `types` and `execution`."""
