"""Classical forecasts, against statsmodels 0.14 and values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.forecasting.classical_forecasts import (
    CHUNK,
    DAMPED,
    METHODS,
    NAIVE,
    OCCURRENCE_ALPHAS,
    SEASONAL,
    THETA,
    damped,
    forecast,
    methods_for,
    sba,
    theta,
    tsb,
    width_of,
)
from predictor.ml.forecasting.lag_features import Shape

# Airline passengers 1949 to 1953 (Box and Jenkins), and the flow of the Nile at Aswan 1871 to 1910 (Cobb 1978).
AIR = np.array([
    112, 118, 132, 129, 121, 135, 148, 148, 136, 119, 104, 118, 115, 126, 141, 135, 125, 149, 170, 170, 158, 133, 114,
    140, 145, 150, 178, 163, 172, 178, 199, 199, 184, 162, 146, 166, 171, 180, 193, 181, 183, 218, 230, 242, 209, 191,
    172, 194, 196, 196, 236, 235, 229, 243, 264, 272, 237, 211, 180, 201,
], np.float64)  # fmt: skip
NILE = np.array([
    1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140,
    1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969,
], np.float64)  # fmt: skip


def test_theta_is_that_of_statsmodels() -> None:
    """ThetaModel(…).fit().forecast(6); the weight there is not from a grid, and the first level is estimated."""
    assert theta(AIR[None], 6, 12)[0] == pytest.approx(
        [203.04, 210.14, 238.34, 225.26, 222.08, 246.64], rel=0.002
    )
    assert theta(NILE[None], 6, 1)[0] == pytest.approx(
        [942.44, 939.1, 935.76, 932.41, 929.07, 925.73], rel=0.01
    )


def test_exponential_smoothing_is_near_that_of_statsmodels() -> None:
    """ETSModel with additive errors: without a trend by AICc for both, and for AIR with multiplicative seasons."""
    assert damped(AIR[None], 6, 12)[0] == pytest.approx(
        [201.58, 206.78, 234.99, 223.65, 218.75, 240.01], rel=0.02
    )
    assert damped(NILE[None], 6, 1)[0] == pytest.approx([951.27] * 6, rel=0.01)


def test_a_trend_that_is_certain_is_continued_more_slowly() -> None:
    rising = damped(np.arange(40.0)[None] * 3, 4, 1)[0]
    assert 117 < rising[0] < 120.1
    steps = np.diff(rising)
    assert (steps > 0).all()
    assert (np.diff(steps) < 0).all()


def test_croston_by_hand() -> None:
    """Demands of 4 every second period: size and time between stay 4 and 2. So (1 - alpha / 2) · 4 / 2."""
    values = np.tile([0.0, 4.0], 20)[None]
    answer = sba(values, 2, 1)[0]
    assert answer[0] == answer[1]
    assert any(answer[0] == pytest.approx((1 - alpha / 2) * 2, abs=0.01) for alpha in OCCURRENCE_ALPHAS)


def test_the_demand_of_a_dead_item_fades_by_tsb_and_not_by_croston() -> None:
    values = np.concatenate([np.tile([0.0, 4.0], 15), np.zeros(30)])[None]
    assert tsb(values, 1, 1)[0, 0] < 0.5
    assert sba(values, 1, 1)[0, 0] > 0.5


def test_series_with_many_zeros_have_two_methods_more() -> None:
    assert methods_for(np.array([1.0, 2.0, 0.0, np.nan, 3.0])) == (THETA, DAMPED)
    assert methods_for(np.array([1.0, 0.0, 0.0])) == (THETA, DAMPED, "sba", "tsb")
    assert methods_for(np.array([-1.0, 0.0, 0.0])) == (THETA, DAMPED)


@pytest.mark.parametrize("method", METHODS)
def test_a_window_is_forecast_alone_and_among_others_alike(method: str) -> None:
    """Also one that begins late, one that never changes, and one of zeros; and nothing is not a number."""
    rng, shape = np.random.default_rng(0), Shape(4)
    late = np.concatenate([np.full(30, np.nan), rng.normal(5, 1, 10)])
    windows = np.stack(
        [rng.normal(10, 1, 40), late, np.full(40, 7.0), np.zeros(40), rng.poisson(0.4, 40) * 1e9]
    )
    many = np.concatenate([windows] * (CHUNK // 5 + 1))
    n = len(many)
    together = forecast(method, many, np.repeat(np.arange(n), 3), np.tile([1, 2, 6], n), 6, shape)
    alone = [
        forecast(method, window[None], np.zeros(3, int), np.array([1, 2, 6]), 6, shape) for window in windows
    ]
    assert np.isfinite(together).all()
    assert np.allclose(together[: 5 * 3], np.concatenate(alone))
    assert np.allclose(together[-5 * 3 :], np.concatenate(alone))
    assert np.allclose(alone[2], 7, atol=1.5 if method in ("sba", "tsb") else 1e-6)


def test_the_naive_ones_repeat_the_last_values() -> None:
    windows, origins, steps = np.arange(12.0)[None], np.zeros(5, int), np.arange(1, 6)
    assert forecast(NAIVE, windows, origins, steps, 5, Shape(4)).tolist() == [11] * 5
    assert forecast(SEASONAL, windows, origins, steps, 5, Shape(4)).tolist() == [8, 9, 10, 11, 8]


def test_the_width_is_bounded_and_holds_the_window() -> None:
    assert width_of(Shape(1)) == 40
    assert width_of(Shape(12)) == 60
    assert width_of(Shape(24)) == 120
    assert width_of(Shape(7, 364)) == Shape(7, 364).window
