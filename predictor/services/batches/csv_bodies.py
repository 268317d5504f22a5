"""Rows from a CSV request body."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

if TYPE_CHECKING:
    from ...ml.types.schema import Signature


def read(body: bytes, signature: Signature) -> list[dict[str, Any]]:
    """Read the rows as {column: value}, as a CSV file to predict is read; other columns keep their texts.

    Raises InvalidTable, InvalidRows, UnsupportedContent, TooLarge.
    """
    from ...ml.inputs.csv_rows import CsvLimits, CsvOptions, CsvRows

    limits = CsvLimits(
        max_bytes=settings.MAX_BODY_BYTES,
        max_rows=settings.MAX_PREDICTION_ROWS,
        max_columns=settings.MAX_TABLE_COLUMNS,
        max_cell_bytes=settings.MAX_CELL_BYTES,
    )
    with tempfile.TemporaryDirectory(dir=settings.WORK_DIR, prefix="csv-") as folder:
        scratch = Path(folder)
        path = scratch / "rows.csv"
        path.write_bytes(body)
        table = CsvRows(path, signature, CsvOptions(), limits, scratch=scratch)
        unused = [(place, name) for place, name in enumerate(table.names) if name in table.unused]
        return [
            {**row, **{name: cells[place] for place, name in unused}}
            for chunk in table.chunks()
            for cells, row in zip(chunk.cells, chunk.rows, strict=True)
        ]
