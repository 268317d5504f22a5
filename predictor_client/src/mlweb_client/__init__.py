"""A client of mlweb's REST API in the standard library alone. Start with `Client`."""

from __future__ import annotations

from .answers import (
    Answer,
    Dataset,
    Explanation,
    Interval,
    Model,
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
    MlwebClientError,
    NotAuthenticated,
    NotFound,
    Problem,
    RunFailed,
    TooMany,
    Unavailable,
)

__all__ = [
    "Answer",
    "ApiError",
    "Client",
    "Conflict",
    "ConnectionFailed",
    "Dataset",
    "Explanation",
    "Forbidden",
    "Interval",
    "Invalid",
    "MlwebClientError",
    "Model",
    "NotAuthenticated",
    "NotFound",
    "Prediction",
    "PredictionSet",
    "Problem",
    "Run",
    "RunFailed",
    "TooMany",
    "Unavailable",
    "Version",
    "Warned",
]
__version__ = "0.1.0"
