"""Predictions: rows or a CSV file in; checked, predicted, logged rows out."""

from .prediction import (
    CsvAnswer,
    CsvOptions,
    Prediction,
    PredictionResponse,
    forecast_csv,
    open_csv_result,
    predict,
    predict_csv,
)

__all__ = [
    "CsvAnswer",
    "CsvOptions",
    "Prediction",
    "PredictionResponse",
    "forecast_csv",
    "open_csv_result",
    "predict",
    "predict_csv",
]
