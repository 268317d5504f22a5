from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.forecasting.reported_forecasts import write_reported
from predictor.ml.persistence.version_files import read_clusters, read_held_out

from .test_forecast_report import answers_with, backtest_of


def test_the_file_holds_values_forecasts_and_the_periods_that_they_are_for(tmp_path):
    # Values that name their series and period: 1,000 s + t.
    backtest = backtest_of(np.arange(60.0), 1_000 + np.arange(60.0), horizon=3)

    file = write_reported(tmp_path, backtest, answers_with(backtest, 2.0))

    content = file.path.read_bytes()
    values, forecasts = read_held_out(content)
    codes, n_lags = read_clusters(content)
    assert n_lags == 2
    assert forecasts == pytest.approx(values + 2.0, rel=1e-6)
    periods = values.astype(int) % 1_000
    assert len(np.unique(periods)) == codes.max() + 1
    assert np.array_equal(codes, np.searchsorted(np.unique(periods), periods))
    assert len(values) > len(np.unique(periods))
