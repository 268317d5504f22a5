"""Datasets: import, preview, download and removal of uploaded tables."""

from .datasets import (
    ImportOptions,
    LineOptions,
    Preview,
    clean_filename,
    delete,
    import_csv,
    open_original,
    preview,
    read_again,
)

__all__ = [
    "ImportOptions",
    "LineOptions",
    "Preview",
    "clean_filename",
    "delete",
    "import_csv",
    "open_original",
    "preview",
    "read_again",
]
