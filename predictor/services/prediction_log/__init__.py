"""The prediction log: rows and their group commit, search, export, retention, hourly summary, statistics."""

from .prediction_log import EXPORT_FORMATS, LogRow, LogSearch, append, as_json, as_workbook, export, search

__all__ = ["EXPORT_FORMATS", "LogRow", "LogSearch", "append", "as_json", "as_workbook", "export", "search"]
