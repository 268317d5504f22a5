"""Training run of a forecast, from its request to result.json, in the order it happens."""

from __future__ import annotations

import importlib
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InvalidTrainingRequest
from ..execution.child_processes import Children
from ..execution.json_files import write_json
from ..execution.progress import Clock, Deadline, Reporter
from ..execution.slowdown import Slowdown
from ..explanation.permutation_importance import predicted
from ..forecasting.backtest import Backtest, find_cuts, find_shape, make_backtest
from ..forecasting.classical_forecasts import width_of
from ..forecasting.forecast_report import KnownErrors, report
from ..forecasting.forecast_spec import ForecastSpec, SeriesEnd
from ..forecasting.horizon_intervals import StepErrors
from ..forecasting.known_columns import is_number
from ..forecasting.naive_forecasts import floor_of
from ..forecasting.public_holidays import Holidays, year_of
from ..forecasting.reported_forecasts import write_reported
from ..forecasting.series import SeriesTable, holidays_of, known_fields, make_series
from ..forecasting.served_method import scaled, served_method
from ..forecasting.training_table import SeriesView, actual, described, fits_log
from ..inference.forecast_predictor import StoredForecast, golden_of
from ..inference.loading import load_predictor
from ..persistence.version_files import FORECAST, store_json
from ..search.checkpoints import Checkpoints
from ..search.fold_fitting import fit_fold
from ..search.forecast_portfolio import SCOUT, forecast_auto
from ..search.leaderboard import Entry
from ..search.search import Search
from ..search.selection import choose
from ..search.time_estimates import TimeEstimates
from ..tables.stored_tables import read_columns
from ..types.reading import Reading
from ..types.schema import ColumnProfile, Role, TableSchema, Task
from ..types.training_request import AUTO, ForecastOptions, TrainingRequest
from ..types.warnings import TrainingWarning
from ..validation.splits import Split
from ..validation.training_table import TrainingTable
from .finalization import FinalResult, FinalStage, finish_by
from .packaging import artifact_entry, write_version_files
from .reading import LOADED_EARLY, with_role_readings
from .refitting import fit_plan
from .result_file import write_search_result
from .supervised_run import search_candidates
from .timed_fits import NO_LIMIT, TimeLimit

# Rows to fit on, for each second of the budget and thread: about forty features each.
ROWS_PER_SECOND, MIN_ROWS, MAX_ROWS = 250, 4_000, 120_000
N_GOLDEN = 20
# Rows for the quick comparison of views.
SCOUTED_ROWS = 4_000
# Metric of the search: RMSE in units of the scale that the series had at the origin.
SCALED = "scaled_rmse"


def run(request: TrainingRequest, workdir: Path, reporter: Reporter) -> None:
    """Train a forecast from a checked request; WORKDIR/result.json is complete when this returns.

    Raises MlwebError with the reason.
    """
    reporter.progress(0.0, "Reading the table")
    for name in LOADED_EARLY:
        importlib.import_module(name)
    measured = Slowdown.begin()
    table, options, readings = _read(request, reporter)
    backtest = _backtest(request, table, options, reporter)
    checkpoints = Checkpoints.open(workdir, request.digest)
    children = Children(request.limits.n_threads, checkpoints.folder, request.limits.max_memory_bytes)
    clock = Clock(reporter.started_at, request.budget_seconds)
    search: Search = ForecastSearch(
        backtest.table, backtest.split, checkpoints, children, clock, reporter, request.seed
    )
    search.slowdown = measured.now()
    search.costs = _costs(backtest, search)
    try:
        search = search_candidates(request, search, forecast_auto)
        search.tell("Blending the best candidates")
        choice = choose(search, max_members=request.limits.max_members)
        finished = finish_by(
            search, choice, lambda attempt: ForecastHalves(request, workdir, search, attempt, backtest)
        )
    finally:
        children.kill_all()
    _write(request, workdir, search, backtest, finished, options, readings)


def _read(
    request: TrainingRequest, reporter: Reporter
) -> tuple[SeriesTable, ForecastOptions, Mapping[str, Reading | None]]:
    options = _options(request)
    names = [options.date_column, request.target, *([options.group_column] if options.group_column else [])]
    names += [*options.known_columns, *options.static_columns]
    asked = replace(request, schema=_as_forecast(request.table, request.target, options), roles={})
    read, readings = with_role_readings(asked, names)
    schema = _in_utc(read.schema, options.date_column)
    reading = schema[options.date_column].reading
    columns = read_columns(Path(request.parquet), schema, names)
    roles = {name: schema[name].role for name in (*options.known_columns, *options.static_columns)}
    zone = reading.zone if reading else ""
    table, warnings = make_series(options, request.target, columns, zone=zone, roles=roles)
    table = replace(table, known=known_fields(table, schema, columns), holidays=holidays_of(table, options))
    warnings += readings
    n_series = len(table.series)
    series = "1 series" if n_series == 1 else f"{n_series:,} series"
    reporter.emit(
        "started",
        message=f"Training on {series}, {table.frequency.title}, of up to {table.longest:,} periods.",
        task=Task.FORECASTING.value,
        n_rows=request.schema.n_rows,
        n_features=len(names) - 1,
    )
    for warning in warnings:
        reporter.warn(warning)
    return table, options, {name: schema[name].reading for name in names}


def _in_utc(schema: TableSchema, date_column: str) -> TableSchema:
    """The schema whose dates are read as moments in UTC, so that the two hours of autumn stay apart."""
    columns = (
        replace(each, reading=replace(each.reading, is_utc=True))
        if each.name == date_column and each.reading is not None and each.reading.zone
        else each
        for each in schema.columns
    )
    return replace(schema, columns=tuple(columns))


def _as_forecast(table: TableSchema, target: str, options: ForecastOptions) -> TableSchema:
    """Set the roles of the chosen columns: a target without repeated values is a number, not an identifier."""
    roles = {target: Role.NUMERIC, options.date_column: Role.DATETIME, options.group_column: Role.CATEGORICAL}
    columns = tuple(each.with_role(roles.get(each.name, each.role)) for each in table.columns)
    return replace(table, columns=columns)


def _options(request: TrainingRequest) -> ForecastOptions:
    if request.forecast is None:
        raise InvalidTrainingRequest("Say which column holds the dates.")
    return request.forecast


def _backtest(
    request: TrainingRequest, table: SeriesTable, options: ForecastOptions, reporter: Reporter
) -> Backtest:
    """Choose the view that a quick estimator forecasts best, and build its backtest."""
    shape, horizon, warnings = find_shape(table, options)
    for warning in warnings:
        reporter.warn(warning)
    cuts = find_cuts(table, shape, horizon)
    allowed = int(ROWS_PER_SECOND * request.budget_seconds * request.limits.n_threads)
    max_rows = min(max(MIN_ROWS, allowed), MAX_ROWS)
    logs = (False, True) if fits_log(table.series) else (False,)
    views = [
        SeriesView(table, replace(shape, has_trend=has_trend), horizon, is_log)
        for is_log, has_trend in itertools.product(logs, (False, True))
    ]

    def rows_of(view: SeriesView, most: int) -> Backtest:
        return make_backtest(view, cuts, request.target, max_rows=most, seed=request.seed)

    few = min(SCOUTED_ROWS, max_rows)
    return rows_of(min(views, key=lambda view: _scouted(rows_of(view, few), request.seed)), max_rows)


def _scouted(backtest: Backtest, seed: int) -> float:
    """Mean absolute error of a quick estimator on the rows that candidates are compared on."""
    errors = []
    for fit, score in backtest.split.folds:
        result = fit_fold(SCOUT, backtest.table.rows(fit), backtest.table.rows(score), seed=seed)
        points = backtest.points[score]
        past = described(backtest.view, points)
        values = backtest.view.scaling.inverse(past.base + past.scale * result.predictions[-1])
        errors.append(np.abs(values - actual(backtest.view, points)))
    mean = float(np.concatenate(errors).mean())
    return mean if math.isfinite(mean) else math.inf


@dataclass
class ForecastSearch(Search):
    """Search on the folds of a backtest. When time is short, fits use fewer rows, but scores use all."""

    def _tell(self, entry: Entry) -> None:
        super()._tell(replace(entry, metric=SCALED))

    def _smaller_split(self, n_rows: int) -> Split:
        folds = tuple((fit[-n_rows:], score) for fit, score in self.split.folds)
        return replace(self.split, folds=folds)


def _costs(backtest: Backtest, search: Search) -> TimeEstimates:
    """Expected costs: the report needs a fit at every cut."""
    n_judged = sum(len(fit) for fit, _ in backtest.reported)
    n_fold = min(len(fit) for fit, _ in backtest.split.folds)
    return TimeEstimates(n_fold, n_judged, len(backtest.training), search.children.n_slots)


@dataclass(frozen=True)
class ForecastHalves(FinalStage):
    """Final stage: refit on all rows to publish; refit at every cut, on the rows known then, to evaluate."""

    backtest: Backtest

    @property
    def limit(self) -> TimeLimit:
        """None: the model is fitted at every cut, and these fits have to be alike."""
        return NO_LIMIT

    def publish(self) -> None:
        plan = self.publishing_plan()
        table = self.backtest.table.rows(self.backtest.training)
        fitted = fit_plan(plan, table)
        published = write_version_files(
            fitted.pipeline, table, _schema_of(table), self.workdir, seed=plan.seed, has_background=False
        )
        facts = {"weights": dict(fitted.weights), "n_rows_fitted": fitted.n_rows}
        write_json(self.path("published"), {**published, **facts})

    def judge(self) -> None:
        kept, backtest = self.kept, self.backtest
        plan = replace(self.plan(kept, self.attempt.deadline, 0.0), deadline=Deadline(math.inf))
        answers = [
            predicted(fit_plan(plan, backtest.table.rows(fit)).pipeline, backtest.table.rows(rows))
            for fit, rows in backtest.reported
        ]
        predictions, compared = np.concatenate(answers), kept.out_of_fold
        rows = np.concatenate([backtest.split.search, backtest.judged])
        instead = served_method(backtest, compared) if self.request.estimator == AUTO else None
        if instead is not None:
            compared, predictions = (
                scaled(backtest, backtest.points[each], instead.method)
                for each in (backtest.split.search, backtest.judged)
            )
        errors = backtest.table.target.y[rows] - np.concatenate([compared, predictions])
        known = KnownErrors(backtest, rows, errors)
        method = instead.method if instead is not None else ""
        evaluation = report(backtest, predictions, known, seed=self.request.seed, method=method)
        if instead is not None:
            evaluation["served_method"] = {**instead.to_json(), "sentence": instead.sentence}
        file = write_reported(self.workdir / "artifacts", backtest, predictions)
        artifacts = {file.name: artifact_entry(file, self.workdir)}
        write_json(
            self.path("judged"),
            {
                "report": {**evaluation, "artifacts": artifacts},
                "errors": known.at(backtest.cuts.end).to_json(),
            },
        )


def _schema_of(table: TrainingTable) -> TableSchema:
    """Schema of the pipeline's input columns, for the stored files of the inner pipeline."""
    storage = {Role.CATEGORICAL: "VARCHAR"}
    columns = (ColumnProfile(name, role, storage.get(role, "DOUBLE")) for name, role in table.roles.items())
    return TableSchema(tuple(columns), len(table))


def _write(
    request: TrainingRequest,
    workdir: Path,
    search: Search,
    backtest: Backtest,
    finished: FinalResult,
    options: ForecastOptions,
    readings: Mapping[str, Reading | None],
) -> None:
    view, instead = backtest.view, finished.judged["report"].get("served_method")
    method = instead["method"] if instead else ""
    width = width_of(view.shape) if method else view.shape.window
    spec = ForecastSpec(
        target=request.target,
        date_column=options.date_column,
        group_column=options.group_column,
        frequency=view.table.frequency,
        horizon=view.horizon,
        shape=view.shape,
        is_log=view.is_log,
        floor=floor_of(view),
        endings=tuple(SeriesEnd.of(each, view.shape, width) for each in view.table.series),
        aggregation=options.aggregation,
        reading=readings[options.date_column],
        target_reading=readings[request.target],
        known=view.table.known,
        static=view.table.static,
        holidays=_stored_holidays(view),
        method=method,
    )
    signature = spec.signature()
    errors = StepErrors.from_json(finished.judged["errors"])
    artifacts = dict(finished.published["artifacts"])
    files: Mapping[str, Path | bytes] = {name: workdir / each["path"] for name, each in artifacts.items()}
    stored = StoredForecast(spec, errors, golden_of(load_predictor(files, signature), spec, _golden(spec)))
    artifacts[FORECAST] = artifact_entry(
        store_json(workdir / "artifacts" / FORECAST, stored.to_json()), workdir
    )
    _note(search, backtest, instead)
    title = {"title": instead["title"]} if instead else {}
    changed = replace(
        finished,
        judged=finished.judged["report"],
        published={**finished.published, "artifacts": artifacts, "signature": signature.to_json(), **title},
    )
    n_values = sum(int(np.isfinite(each.values).sum()) for each in view.table.series)
    write_search_result(request, workdir, search, changed, task=Task.FORECASTING, n_rows=n_values)


def _stored_holidays(view: SeriesView) -> Holidays | None:
    """The holidays that answers need: from the first stored window to the last year that is known."""
    holidays = view.table.holidays
    if holidays is None:
        return None
    first = min(each.end for each in view.table.series) - view.shape.window - 1
    return holidays.within(
        max(year_of(view.table.frequency, first) - 1, holidays.first_year), holidays.last_year
    )


def _golden(spec: ForecastSpec) -> dict[str, Any]:
    """Golden rows: the first, middle and last step of some series, as canonical columns."""
    steps = sorted({1, (1 + spec.horizon) // 2, spec.horizon})
    places = np.unique(np.linspace(0, len(spec.endings) - 1, N_GOLDEN // len(steps)).astype(int))
    pairs = list(itertools.product(places.tolist(), steps))
    indexes = np.array([spec.endings[place].end + step for place, step in pairs])
    columns: dict[str, Any] = {spec.date_column: spec.frequency.moments(indexes)}
    if spec.group_column:
        columns[spec.group_column] = np.array([spec.endings[place].name for place, _ in pairs], object)
    for field in spec.known:
        dtype = np.float64 if is_number(field.role) else object
        columns[field.name] = np.full(len(pairs), field.typical, dtype)
    return columns


def _note(search: Search, backtest: Backtest, instead: Mapping[str, Any] | None) -> None:
    if instead:
        search.reporter.warn(TrainingWarning(instead["sentence"]))
        return
    if backtest.view.is_log:
        message = "The logarithm of the target is forecast: that was better in a test on the past."
        search.reporter.warn(TrainingWarning(message))
