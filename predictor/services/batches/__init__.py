"""Batch predictions: a file of rows, predicted by a worker."""

from .batches import (
    BATCHES,
    CsvOptions,
    cancel,
    download_name,
    drop_old_files,
    media_type,
    open_result,
    run_here,
    start,
)

__all__ = [
    "BATCHES",
    "CsvOptions",
    "cancel",
    "download_name",
    "drop_old_files",
    "media_type",
    "open_result",
    "run_here",
    "start",
]
