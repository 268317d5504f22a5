"""Rolling-origin evaluation (backtest): fit on the data before a cut, forecast what comes after it.

Time has two parts. In the earlier part, candidates are compared: each is fitted on what was known at a cut and
forecasts what came after it, up to the later part. In the later part, the selected pipeline is refitted at each
of three cuts, and these forecasts are reported. So no value that scores a forecast was known when it was made,
nor when its estimator was selected. Between two cuts, forecasts are made at every period with the fit of the
earlier cut: many forecasts for few fits.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from ...errors import InvalidTrainingRequest, quoted
from ..types.training_request import ForecastOptions
from ..types.warnings import TrainingWarning
from ..validation.splits import Index, Split
from ..validation.training_table import TrainingTable
from .frequency import Frequency
from .lag_features import Shape
from .series import SeriesTable
from .training_table import Points, SeriesView, joined, tested_points, training_points, training_table

N_CUTS = 3
# Least number of periods: of the first fit beyond the horizon, and that candidates are compared on.
SPARE, LEAST_COMPARED = 4, 4
# Largest distance between two cuts, as a share of the longest series (at least one horizon).
SPACING_SHARE = 0.1
# Most rows that candidates are compared on, and that the report is made from.
MOST_COMPARED, MOST_REPORTED = 12_000, 24_000


@dataclass(frozen=True)
class Cuts:
    """Periods after which a fit is made: to compare (outcomes up to the first of `tested`), and to report."""

    compared: tuple[int, ...]
    tested: tuple[int, ...]
    end: int


@dataclass(frozen=True)
class Backtest:
    """Rolling-origin splits: one table of all rows, and which rows are used for what.

    `training`: all rows to fit on. `reported`: for each cut (rows to fit on, rows to report).
    `points`: the forecast point of each row.
    """

    view: SeriesView
    cuts: Cuts
    points: Points
    table: TrainingTable
    split: Split
    training: Index
    reported: tuple[tuple[Index, Index], ...]

    @property
    def judged(self) -> Index:
        return np.concatenate([rows for _, rows in self.reported])


def least_periods(shape: Shape, horizon: int) -> int:
    """Least length of the longest series in periods: to fit, to compare and to report."""
    return shape.least + 2 * horizon + SPARE + LEAST_COMPARED + N_CUTS - 1


def find_shape(table: SeriesTable, options: ForecastOptions) -> tuple[Shape, int, list[TrainingWarning]]:
    """Season lengths that the series are long enough for, and the horizon. Raises InvalidTrainingRequest."""
    frequency, length = table.frequency, table.longest
    seasons = frequency.seasons
    season = seasons[0] if seasons else 1
    warnings = []
    horizon = options.horizon or frequency.usual_horizon
    if season > 1 and length < max(3 * season, least_periods(Shape(season), min(horizon, season))):
        warnings.append(
            TrainingWarning(
                f"The longest series has {length:,} periods, too few to learn a season of {season}; "
                "the forecast knows no season."
            )
        )
        season = 1
    is_long = season > 1 and len(seasons) > 1 and length >= 2 * seasons[1]
    shape = Shape(season, seasons[1] if is_long else 0)
    max_horizon = (length - least_periods(shape, 0)) // 2
    if not options.horizon and max_horizon >= 1:
        return shape, min(frequency.usual_horizon, max_horizon), warnings
    if options.horizon > max_horizon or max_horizon < 1:
        raise _too_short(frequency, shape, length, max(options.horizon, 1), max_horizon)
    return shape, options.horizon, warnings


def _too_short(
    frequency: Frequency, shape: Shape, length: int, horizon: int, max_horizon: int
) -> InvalidTrainingRequest:
    needed = least_periods(shape, horizon)
    instead = f"Ask for at most {max_horizon:,}, or bring" if max_horizon >= 1 else "Bring"
    return InvalidTrainingRequest(
        f"A forecast of {horizon:,} {'period' if horizon == 1 else 'periods'} ({frequency.title}) needs a past of "
        f"{needed:,} periods; the longest series here has {length:,}. {instead} more of the past.",
        limit=needed,
    )


def find_cuts(table: SeriesTable, shape: Shape, horizon: int) -> Cuts:
    """Place the cuts as far apart as the length allows; a whole horizon follows the last one."""
    first = table.end - table.longest + shape.least + horizon + SPARE
    left = table.end - first - horizon - (N_CUTS - 1) - LEAST_COMPARED
    max_spacing = max(horizon, int(SPACING_SHARE * table.longest))
    spacing = 1 + max(0, min(max_spacing - 1, (left + LEAST_COMPARED - horizon) // (2 * (N_CUTS - 1))))
    tested = [table.end - horizon - spacing * back for back in reversed(range(N_CUTS))]
    if tested[0] - LEAST_COMPARED < first:
        tested = [table.end - horizon - back for back in reversed(range(N_CUTS))]
    earliest = max(first, tested[0] - max(horizon, LEAST_COMPARED) - spacing * (N_CUTS - 1))
    last = max(earliest, tested[0] - max(min(horizon, (tested[0] - earliest) // 2), 1))
    compared = sorted({int(each) for each in np.linspace(earliest, last, N_CUTS)})
    return Cuts(tuple(compared), tuple(tested), table.end)


def make_backtest(view: SeriesView, cuts: Cuts, target: str, *, max_rows: int, seed: int) -> Backtest:
    """Build the table and its splits: rows to fit on, to compare on, to report."""
    compared = [
        tested_points(view, cut, after - 1, cuts.tested[0], MOST_COMPARED // len(cuts.compared), seed)
        for cut, after in itertools.pairwise((*cuts.compared, cuts.tested[0]))
    ]
    tested = [
        tested_points(view, cut, after - 1, cuts.end, MOST_REPORTED // len(cuts.tested), seed)
        for cut, after in itertools.pairwise((*cuts.tested, cuts.end))
    ]
    training = training_points(view, max_rows, seed)
    points = joined([training, *compared, *tested])
    table = training_table(view, points, target)
    numbers = np.split(np.arange(len(points)), np.cumsum([len(training), *map(len, (*compared, *tested))]))[
        :-1
    ]
    known_at = training.made_at(view.table) + training.steps
    folds = tuple(
        (numbers[0][known_at <= cut], rows)
        for cut, rows in zip(cuts.compared, numbers[1 : 1 + len(compared)], strict=True)
    )
    reported = tuple(
        (numbers[0][known_at <= cut], rows)
        for cut, rows in zip(cuts.tested, numbers[1 + len(compared) :], strict=True)
    )
    _check_rows(folds, reported, target)
    split = Split(
        development=reported[0][0],
        held_out=np.concatenate([rows for _, rows in reported]),
        search=np.concatenate([rows for _, rows in folds]),
        folds=folds,
    )
    return Backtest(view, cuts, points, table, split, numbers[0], reported)


def _check_rows(
    folds: tuple[tuple[Index, Index], ...], reported: tuple[tuple[Index, Index], ...], target: str
) -> None:
    if any(len(fit) < SPARE or not len(score) for fit, score in (*folds, *reported)):
        raise InvalidTrainingRequest(
            f"Too many periods have no value in {quoted(target)}: at some of the dates that the forecast is tested "
            "at, nothing is known. Bring more of the past, ask for a shorter horizon, or join rows of longer periods."
        )
