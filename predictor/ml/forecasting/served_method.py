"""Whether a classical forecast answers instead of the model: chosen where candidates are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .backtest import Backtest
from .classical_forecasts import NAIVE, SEASONAL, methods_for
from .lag_features import Floats
from .naive_forecasts import TITLES, classical, error_units
from .training_table import Points, actual, described

# A model stays unless a classical forecast has a mean error of less than this share of its own.
LEAST_GAIN = 0.98


@dataclass(frozen=True)
class ServedMethod:
    """The method, and the mean absolute scaled errors (MASE) of it and of the model that decided."""

    method: str
    error: float
    error_of_model: float

    @property
    def title(self) -> str:
        return TITLES[self.method]

    def to_json(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "title": self.title,
            "mase": self.error,
            "mase_of_model": self.error_of_model,
        }

    @property
    def sentence(self) -> str:
        return (
            f"{self.title} answers instead of the model: on the past that candidates are compared on, its mean "
            f"absolute scaled error is {self.error:.3g}, and that of the best model {self.error_of_model:.3g}."
        )


def served_method(backtest: Backtest, out_of_fold: Floats) -> ServedMethod | None:
    """The classical forecast that was better than the model on the compared rows; None when the model stays.

    `out_of_fold`: the model's predictions for these rows. A model of known columns stays: no other forecast knows them.
    """
    view = backtest.view
    if view.table.known or view.table.holidays is not None:
        return None
    points = backtest.points[backtest.split.search]
    value, unit = actual(view, points), error_units(view, backtest.cuts.tested[0])[points.series]
    past = described(view, points)
    model = view.scaling.inverse(past.base + past.scale * out_of_fold)
    known = np.concatenate([view.table.series[code].values for code in np.unique(points.series)])
    methods = [NAIVE, *([SEASONAL] if view.shape.season > 1 else []), *methods_for(known)]
    forecasts = classical(view, points, methods)
    errors = {key: float((np.abs(each - value) / unit).mean()) for key, each in forecasts.items()}
    best = min(errors, key=lambda key: errors[key])
    own = float((np.abs(model - value) / unit).mean())
    return ServedMethod(best, errors[best], own) if not errors[best] >= LEAST_GAIN * own else None


def scaled(backtest: Backtest, points: Points, method: str) -> Floats:
    """Forecasts of the method as the pipeline would give them: departures from the base in units of scale."""
    past = described(backtest.view, points)
    values = classical(backtest.view, points, [method])[method]
    departures: Floats = (backtest.view.scaling.forward(values) - past.base) / past.scale
    return departures
