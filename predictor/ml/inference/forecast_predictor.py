"""Forecast inference from stored files: rows with a future date (and a series) to values with intervals."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...errors import DamagedArtifact, InvalidRows, Problem, quoted, quoted_list
from ..calibration.conformal import DEFAULT_COVERAGE
from ..features.columns import Columns
from ..forecasting.forecast_spec import ForecastPoints, ForecastSpec
from ..forecasting.horizon_intervals import StepErrors
from ..forecasting.lag_features import Floats, LagFeatures
from ..inputs.row_checker import MOST_NAMED, CheckedRows, RowChecker, sentence_of
from ..persistence.version_files import FORECAST, columns_from_json, read_json
from ..pipelines.fitted_pipeline import Outputs
from .predicted_rows import PredictedRows
from .predictor import GOLDEN_TOLERANCE, Predictor


@dataclass(frozen=True)
class StoredForecast:
    """Content of forecast.json. `golden`: future rows of some series with their forecasts."""

    spec: ForecastSpec
    errors: StepErrors
    golden: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {**self.spec.to_json(), "errors": self.errors.to_json(), "golden": dict(self.golden)}

    @classmethod
    def read(cls, content: bytes) -> StoredForecast:
        """Raises DamagedArtifact."""
        data = read_json(content, FORECAST)
        try:
            errors, golden = data["errors"], data["golden"]
        except KeyError as error:
            raise DamagedArtifact("The stored forecast is not complete.") from error
        return cls(ForecastSpec.from_json(data), StepErrors.from_json(errors), golden)


class ForecastPredictor(Predictor):
    """Predictor of a forecasting version: turns future dates into lag features for its pipeline."""

    def __init__(self, *parts: Any, forecast: StoredForecast, **options: Any):
        super().__init__(*parts, **options)
        self.forecast = forecast

    @property
    def spec(self) -> ForecastSpec:
        return self.forecast.spec

    def with_history(self, columns: Columns) -> ForecastPredictor:
        """A copy whose series end with these newer values. Raises InvalidInput."""
        predictor = copy.copy(self)
        predictor.forecast = replace(self.forecast, spec=self.spec.extended(columns))
        predictor.__dict__.pop("checker", None)
        return predictor

    def with_future(self, columns: Columns) -> ForecastPredictor:
        """A copy that has these values of the columns that are known in advance. Raises InvalidInput."""
        predictor = copy.copy(self)
        predictor.forecast = replace(self.forecast, spec=self.spec.planned(columns))
        predictor.__dict__.pop("checker", None)
        return predictor

    def answer(
        self,
        columns: Columns,
        coverage: float = DEFAULT_COVERAGE,
        *,
        explain: bool = False,
        check_time: Callable[[], None] | None = None,
    ) -> PredictedRows:
        """Values with intervals for rows within the horizon; NaN for others, which `checker` refuses."""
        if explain:
            raise ValueError("A forecast has no explanations.")
        spec, scaling = self.spec, self.spec.scaling
        rows = spec.rows(columns)
        is_in = spec.is_within(rows)
        values, low, high = np.full((3, len(is_in)), np.nan)
        if is_in.any():
            rows = rows[is_in]
            described = spec.describe(rows)
            within = self._values(rows, described)
            middle, scale = scaling.forward(within), described.scale
            below, above = self.forecast.errors.ends(rows.steps, coverage)
            values[is_in] = within
            low[is_in] = np.minimum(spec.bounded(scaling.inverse(middle + scale * below)), within)
            high[is_in] = np.maximum(spec.bounded(scaling.inverse(middle + scale * above)), within)
        return PredictedRows(coverage, values=values, intervals=(low, high))

    def quantiles(self, columns: Columns, levels: Sequence[float]) -> Floats:
        """The values (n_levels, n) that each row's outcome lies below with these probabilities, 0 to 1."""
        spec, scaling = self.spec, self.spec.scaling
        rows = spec.rows(columns)
        is_in = spec.is_within(rows)
        found = np.full((len(levels), len(is_in)), np.nan)
        if is_in.any():
            rows = rows[is_in]
            described = spec.describe(rows)
            middle = scaling.forward(self._values(rows, described))
            offsets = self.forecast.errors.quantiles(rows.steps, levels)
            found[:, is_in] = spec.bounded(scaling.inverse(middle + described.scale * offsets))
        return found

    def _values(self, rows: ForecastPoints, described: LagFeatures) -> Floats:
        if self.spec.method:
            return self.spec.classical(rows)
        return self.spec.values(described, np.asarray(self.replay(described.columns).values, np.float64))

    def reasons(self, columns: Columns, rows: Sequence[int]) -> dict[int, str]:
        placed = self.spec.rows(columns)
        is_in = self.spec.is_within(placed)
        faults = {row: fault_of(self.spec, row, placed, columns) for row in rows if not is_in[row]}
        return {row: f"{quoted(column)}: {detail}" for row, (column, detail) in faults.items()}

    def predict(self, columns: Columns) -> Outputs:
        return Outputs(values=self.answer(columns).values)

    def replay(self, columns: Columns) -> Outputs:
        return super().predict(columns)

    @property
    def has_intervals(self) -> bool:
        return True

    @cached_property
    def checker(self) -> RowChecker:
        return ForecastChecker(self.spec)

    def check_golden(self) -> None:
        """Replay the golden rows of the pipeline, then the golden dates of the forecast. Raises DamagedArtifact."""
        super().check_golden()
        try:
            stored = self.forecast.golden
            expected = np.array(stored["answers"], np.float64)
            forecasts = np.asarray(self.predict(columns_from_json(stored["rows"])).values)
            size = np.maximum(np.abs(expected), max(float(expected.std()), float(np.finfo(np.float32).tiny)))
            largest = float((np.abs(expected - forecasts) / size).max())
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DamagedArtifact("The golden dates cannot be forecast.") from error
        # Written so that NaN fails.
        if not largest <= GOLDEN_TOLERANCE:
            raise DamagedArtifact("The golden dates get other forecasts than when the version was made.")


class ForecastChecker(RowChecker):
    """Row checker that also requires a known series, and a date within its horizon."""

    def __init__(self, spec: ForecastSpec):
        super().__init__(spec.signature())
        self._spec = spec

    def check(
        self,
        rows: Sequence[Mapping[str, Any]],
        strict: bool = False,
        *,
        first_row: int = 1,
        are_texts: bool = False,
        is_nan_missing: bool = False,
        check_time: Callable[[], None] | None = None,
    ) -> CheckedRows:
        checked = super().check(
            rows,
            strict,
            first_row=first_row,
            are_texts=are_texts,
            is_nan_missing=is_nan_missing,
            check_time=check_time,
        )
        placed = self._spec.rows(checked.columns)
        wrong = np.flatnonzero(~self._spec.is_within(placed))
        if len(wrong):
            problems = [
                self._problem(int(row), placed, checked.columns, first_row) for row in wrong[:MOST_NAMED]
            ]
            raise InvalidRows(sentence_of(problems, len(wrong)), problems=problems)
        return checked

    def _problem(self, row: int, placed: ForecastPoints, columns: Columns, first_row: int) -> Problem:
        column, detail = fault_of(self._spec, row, placed, columns)
        return Problem(f"Row {row + first_row}, column {quoted(column)}: {detail}", f"/rows/{row}/{column}")


def fault_of(spec: ForecastSpec, row: int, placed: ForecastPoints, columns: Columns) -> tuple[str, str]:
    """The column that is the reason why a row cannot be forecast, and the reason."""
    series, step = int(placed.series[row]), int(placed.steps[row])
    if series < 0:
        name = columns[spec.group_column][row]
        reason = f"there is no series {quoted(name)}" if name is not None else "a series has to be named"
        return spec.group_column, f"{reason}. The version knows {quoted_list(spec.codes)}."
    date, ending = columns[spec.date_column][row], spec.endings[series]
    which = f" of {quoted(ending.name)}" if spec.group_column else ""
    gone = [name for name, is_gone in placed.without.items() if is_gone[row]]
    if gone and 1 <= step <= spec.horizon:
        detail = (
            f"a value for {spec.frequency.text(ending.end + step)}{which} is needed, since the column is known in "
            'advance. Send it in the row, or beside a horizon in "future".'
        )
        return gone[0], detail
    first, last = (spec.frequency.text(ending.end + step) for step in (1, spec.horizon))
    span = f"{first} to {last}" if first != last else first
    reason = "a date is needed" if np.isnat(date) else f"{spec.shown(date)} cannot be forecast"
    return spec.date_column, f"{reason}; the forecast{which} goes from {span} ({spec.frequency.title})."


def golden_of(predictor: Predictor, spec: ForecastSpec, columns: Columns) -> dict[str, Any]:
    """Future rows with the values they get now, to be replayed whenever the version is loaded."""
    from ..persistence.version_files import columns_to_json

    rows = spec.rows(columns)
    if spec.method:
        values = spec.classical(rows)
    else:
        described = spec.describe(rows)
        values = spec.values(described, np.asarray(predictor.predict(described.columns).values, np.float64))
    return json.loads(json.dumps({"rows": columns_to_json(columns), "answers": values.tolist()}))  # type: ignore[no-any-return]
