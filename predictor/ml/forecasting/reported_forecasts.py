"""The reported forecasts of a version as a file, by which another version is tested against it."""

from __future__ import annotations

from pathlib import Path

from ..persistence.version_files import StoredFile, write_held_out
from .backtest import Backtest
from .forecast_report import ReportedForecasts
from .lag_features import Floats


def write_reported(folder: Path, backtest: Backtest, answers: Floats) -> StoredFile:
    """Write held_out.json from the pipeline's predictions for the reported rows: values, forecasts and their periods.

    Errors for one period are alike, in all series and at all steps; so are those of periods within one horizon.
    """
    judged = ReportedForecasts(backtest, answers)
    points, view = judged.points, backtest.view
    periods = points.made_at(view.table) + points.steps
    return write_held_out(folder, judged.value, judged.forecast, clusters=periods, n_lags=view.horizon - 1)
