"""Parquet bodies of a request."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings


def read(body: bytes) -> list[dict[str, Any]]:
    """Rows {column: value}. Raises InvalidTable, InvalidRows, TooLarge."""
    from ..ml.inputs.parquet_rows import read_parquet_rows

    with tempfile.TemporaryDirectory(dir=settings.WORK_DIR, prefix="parquet-") as folder:
        path = Path(folder) / "rows.parquet"
        path.write_bytes(body)
        return read_parquet_rows(
            path,
            max_rows=settings.MAX_PREDICTION_ROWS,
            max_columns=settings.MAX_TABLE_COLUMNS,
            max_cell_bytes=settings.MAX_CELL_BYTES,
            max_bytes=settings.MAX_BODY_BYTES,
        )
