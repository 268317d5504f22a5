"""Python client of mlweb's REST API; needs the standard library alone. Start with `Client`."""

from __future__ import annotations

from .answers import (
    Answer,
    Batch,
    Dataset,
    Explanation,
    Interval,
    Model,
    Near,
    Prediction,
    PredictionSet,
    Run,
    Version,
    Warned,
)
from .client import Client
from .errors import (
    ApiError,
    Conflict,
    ConnectionFailed,
    Forbidden,
    Invalid,
    JobFailed,
    MlwebClientError,
    NotAuthenticated,
    NotFound,
    Problem,
    TooMany,
    Unavailable,
)

__all__ = [
    "Answer",
    "ApiError",
    "Batch",
    "Client",
    "Conflict",
    "ConnectionFailed",
    "Dataset",
    "Explanation",
    "Forbidden",
    "Interval",
    "Invalid",
    "JobFailed",
    "MlwebClientError",
    "Model",
    "Near",
    "NotAuthenticated",
    "NotFound",
    "Prediction",
    "PredictionSet",
    "Problem",
    "Run",
    "TooMany",
    "Unavailable",
    "Version",
    "Warned",
]
__version__ = "0.1.0"
