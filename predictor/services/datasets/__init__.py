"""Datasets: import, preview, download and removal of uploaded tables."""

from .datasets import ImportOptions, Preview, clean_filename, delete, import_csv, open_original, preview

__all__ = ["ImportOptions", "Preview", "clean_filename", "delete", "import_csv", "open_original", "preview"]
