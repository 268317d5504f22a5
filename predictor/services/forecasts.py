"""The rows of a horizon: what a forecasting version is asked for when nobody lists dates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, listed, shown

if TYPE_CHECKING:
    from ..ml.forecast_spec import ForecastSpec
    from .serving import Served


def spec_of(served: Served) -> ForecastSpec:
    """What the version knows of its series. Raises InvalidInput for a version that does not forecast."""
    from ..ml.forecast_serving import ForecastPredictor

    if not isinstance(served.predictor, ForecastPredictor):
        raise InvalidInput(
            f"A horizon is for forecasting; this version predicts {shown(served.signature.subject)} from rows."
        )
    return served.predictor.spec


def horizon_rows(served: Served, horizon: int, group: str | None = None) -> Sequence[dict[str, Any]]:
    """The next periods of one series, or of all. Raises InvalidInput."""
    spec = spec_of(served)
    if not 1 <= horizon <= spec.horizon:
        raise InvalidInput(
            f"The horizon is {horizon:,}; this version forecasts 1 to {spec.horizon:,} periods.",
            limit=spec.horizon,
        )
    if group is None:
        return spec.horizon_rows(horizon, list(spec.codes))
    if not spec.group_column:
        raise InvalidInput("This version forecasts one series; leave the group out.")
    if group not in spec.codes:
        raise InvalidInput(f"There is no series {shown(group)}. The version knows {listed(spec.codes)}.")
    return spec.horizon_rows(horizon, [group])
