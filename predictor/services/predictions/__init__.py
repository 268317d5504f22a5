"""Predictions: rows or a CSV file in; checked, predicted, logged rows out."""

from .prediction import (
    Answer,
    CsvAnswer,
    CsvOptions,
    Prediction,
    forecast_csv,
    open_csv_result,
    predict,
    predict_csv,
)

__all__ = [
    "Answer",
    "CsvAnswer",
    "CsvOptions",
    "Prediction",
    "forecast_csv",
    "open_csv_result",
    "predict",
    "predict_csv",
]
