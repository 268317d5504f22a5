"""Forecast horizons: the rows to predict when the caller gives a number of periods instead of dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.conf import settings

from ...errors import InvalidInput, InvalidRows, TooLarge, quoted, quoted_list
from . import loaded_versions
from .row_answers import shortened

if TYPE_CHECKING:
    from ...ml.forecasting.forecast_spec import ForecastSpec
    from ...ml.inputs.row_checker import CheckedRows
    from ...models import ModelVersion
    from .loaded_versions import LoadedVersion
    from .row_answers import Prediction

# Quantiles of one request, and the lowest level: with 200 errors, one lies beyond it.
MAX_QUANTILES, MIN_LEVEL = 9, 0.005


@dataclass(frozen=True)
class ForecastOutlook:
    """The options of a forecasting version, and the last date of its series."""

    target: str
    date_column: str
    group_column: str
    frequency: str
    horizon: int
    names: tuple[str, ...]
    last: str
    known: tuple[str, ...]
    _spec: ForecastSpec

    def history(self, group: str, n: int) -> tuple[list[str], list[float]]:
        """The last known values of a series and their dates: at most `n`, and at most the stored lag window."""
        ending = self._spec.endings[self._spec.codes[group] if group else 0]
        values = [each for each in ending.window if each is not None][-n:]
        first = ending.end - len(values) + 1
        return [self._spec.frequency.text(first + place) for place in range(len(values))], values


def outlook(version: ModelVersion) -> ForecastOutlook:
    """The outlook of a version. Raises InvalidInput for a version that does not forecast, NotServable."""
    spec = spec_of(loaded_versions.load(version))
    return ForecastOutlook(
        target=spec.target,
        date_column=spec.date_column,
        group_column=spec.group_column,
        frequency=spec.frequency.title,
        horizon=spec.horizon,
        names=tuple(spec.codes),
        last=spec.frequency.text(max(each.end for each in spec.endings)),
        known=tuple(each.name for each in spec.known),
        _spec=spec,
    )


def spec_of(served: LoadedVersion) -> ForecastSpec:
    """The forecast specification of a loaded version. Raises InvalidInput for one that does not forecast."""
    from ...ml.inference.forecast_predictor import ForecastPredictor

    if not isinstance(served.predictor, ForecastPredictor):
        raise InvalidInput(
            f"A horizon is for forecasting; this version predicts {quoted(served.signature.subject)} from rows."
        )
    return served.predictor.spec


def horizon_rows(served: LoadedVersion, horizon: int, group: str | None = None) -> Sequence[dict[str, Any]]:
    """The rows of the next `horizon` periods of one series, or of all. Raises InvalidInput, TooLarge."""
    spec = spec_of(served)
    if not 1 <= horizon <= spec.horizon:
        raise InvalidInput(
            f"The horizon is {horizon:,}; this version forecasts 1 to {spec.horizon:,} periods.",
            limit=spec.horizon,
        )
    if group is None:
        _refuse_many(horizon, len(spec.codes))
        return spec.horizon_rows(horizon, list(spec.codes))
    if not spec.group_column:
        raise InvalidInput("This version forecasts one series; leave the group out.")
    if group not in spec.codes:
        raise InvalidInput(
            f"There is no series {quoted(group)}. The version knows {quoted_list(spec.codes)}."
        )
    _refuse_many(horizon, 1)
    return spec.horizon_rows(horizon, [group])


def rows_ahead(version: ModelVersion, horizon: int, group: str | None = None) -> Sequence[dict[str, Any]]:
    """As `horizon_rows`, for a version that is loaded if needed. Raises NotServable too."""
    return horizon_rows(loaded_versions.load(version), horizon, group)


def plan_csv(version: ModelVersion, horizon: int, group: str | None = None) -> str:
    """The rows of a horizon as CSV, with the stored values of the columns that are known in advance."""
    from ...ml.csv_files.csv_writing import csv_lines

    rows = rows_ahead(version, horizon, group)
    return csv_lines([list(rows[0]), *(list(row.values()) for row in rows)]).decode()


def _refuse_many(horizon: int, n_series: int) -> None:
    """Check the limit before the rows exist: 10,000 series of 500 periods are 5,000,000 rows."""
    limit = settings.MAX_PREDICTION_ROWS
    if horizon * n_series > limit:
        raise TooLarge(
            f"One request may hold {limit:,} rows; {horizon:,} periods of {n_series:,} series are "
            f"{horizon * n_series:,}. Ask for fewer periods, or for one group at a time.",
            limit=limit,
        )


def with_history(
    served: LoadedVersion, history: Sequence[Mapping[str, Any]], *, are_texts: bool = False
) -> LoadedVersion:
    """The version with observations newer than its training data. Raises InvalidInput, InvalidRows, TooLarge."""
    from ...ml.inference.forecast_predictor import ForecastPredictor
    from ...ml.inputs.row_checker import RowChecker

    spec, predictor = spec_of(served), served.predictor
    _refuse_long("history", history)
    try:
        checked = RowChecker(spec.history_signature()).check(history, are_texts=are_texts)
    except InvalidRows as error:
        raise InvalidInput(f"In the history: {error.message}") from None
    if not isinstance(predictor, ForecastPredictor) or not history:
        return served
    updated = predictor.with_history(checked.columns)
    return replace(served, predictor=updated, checker=updated.checker)


def with_future(
    served: LoadedVersion, future: Sequence[Mapping[str, Any]], *, are_texts: bool = False
) -> LoadedVersion:
    """The version with values of the columns that are known in advance. Raises InvalidInput, TooLarge."""
    from ...ml.inference.forecast_predictor import ForecastPredictor
    from ...ml.inputs.row_checker import RowChecker

    spec, predictor = spec_of(served), served.predictor
    _refuse_long("future", future)
    if future and not spec.known:
        raise InvalidInput('This version uses no columns that are known in advance; leave "future" out.')
    try:
        checked = RowChecker(spec.future_signature()).check(future, are_texts=are_texts)
    except InvalidRows as error:
        raise InvalidInput(f"In the future rows: {error.message}") from None
    if not isinstance(predictor, ForecastPredictor) or not future:
        return served
    updated = predictor.with_future(checked.columns)
    return replace(served, predictor=updated, checker=updated.checker)


def _refuse_long(name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if len(rows) > settings.MAX_PREDICTION_ROWS:
        raise TooLarge(
            f"The {name} may hold {settings.MAX_PREDICTION_ROWS:,} rows, and this one holds {len(rows):,}.",
            limit=settings.MAX_PREDICTION_ROWS,
        )


def with_quantiles(
    served: LoadedVersion, checked: CheckedRows, predictions: Sequence[Prediction], levels: Sequence[float]
) -> list[Prediction]:
    """The predictions of a forecasting version with quantiles at these levels. Raises InvalidInput."""
    from ...ml.inference.forecast_predictor import ForecastPredictor

    predictor = served.predictor
    if not isinstance(predictor, ForecastPredictor):
        raise InvalidInput(
            "Quantiles are for forecasts; leave them out, or ask for an interval by its coverage."
        )
    if len(levels) > MAX_QUANTILES or not all(MIN_LEVEL <= level <= 1 - MIN_LEVEL for level in levels):
        raise InvalidInput(
            f"Ask for at most {MAX_QUANTILES} quantiles, each from {MIN_LEVEL} to {1 - MIN_LEVEL}.",
            limit=MAX_QUANTILES,
            field="quantiles",
        )
    levels = list(dict.fromkeys(levels))
    values = predictor.quantiles(checked.columns, levels).T.tolist()
    return [
        each if each.error else replace(each, quantiles=_named(levels, row))
        for each, row in zip(predictions, values, strict=True)
    ]


def _named(levels: Sequence[float], values: Sequence[float]) -> dict[str, float]:
    return {f"{level:g}": shortened(value) for level, value in zip(levels, values, strict=True)}
