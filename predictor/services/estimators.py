"""The catalogue of estimators, for faces: they do not reach into `ml`."""

from __future__ import annotations

from ..ml.estimators import CATALOGUE, EstimatorInfo, Hyperparameter
from ..ml.request import AUTO

__all__ = ["AUTO", "EstimatorInfo", "Hyperparameter", "catalogue"]


def catalogue() -> tuple[EstimatorInfo, ...]:
    """Every estimator that can be chosen by name, in the order in which people should see them."""
    return tuple(CATALOGUE.values())
