"""Predictions: rows or a CSV file in; checked, predicted, logged rows out."""

from .admission import require_place_for_file
from .pasted_rows import rows_of_csv
from .prediction import (
    Caller,
    CsvAnswer,
    CsvOptions,
    Prediction,
    PredictionOptions,
    PredictionResponse,
    forecast_csv,
    open_csv_result,
    predict,
    predict_csv,
)

__all__ = [
    "Caller",
    "CsvAnswer",
    "CsvOptions",
    "Prediction",
    "PredictionOptions",
    "PredictionResponse",
    "forecast_csv",
    "open_csv_result",
    "predict",
    "predict_csv",
    "require_place_for_file",
    "rows_of_csv",
]
