"""Slices where the model errs more: parts of the held-out rows, each described by one column.

Each level of a category, each fifth of a number or date, and the rows without a value are compared with all other
rows by Welch's t-test of the loss, one-sided. Many tests find something by chance, so the false discovery rate
is held at 5 % (Benjamini and Hochberg, 1995).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence, Sized
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import quoted
from ..metrics.confidence_intervals import MIN_GROUPS
from ..metrics.row_weights import Weights, effective_size, mean, part
from ..metrics.scores import losses, predicted_codes
from ..types.schema import Role
from ..validation.target import missing
from ..validation.training_table import TrainingTable

MAX_SLICES, MAX_LEVELS, N_BINS = 10, 30, 5
MIN_ROWS, MIN_SHARE = 20, 0.02
MIN_HELD_OUT = 100
FALSE_DISCOVERY_RATE = 0.05
# A slice is reported when its loss is higher by at least this share.
MIN_EXCESS = 0.1
# Two slices that share so many of their rows (Jaccard index) are one finding.
SAME_SHARE = 0.7
# With more rows × columns, only the first columns are tested (0.5 s).
MAX_CELLS = 4_000_000
Mask = NDArray[np.bool_]
# {"is_missing": True}, {"equals": a level} or {"minimum", "maximum"}, both included; a bound may be absent.
Where = dict[str, Any]


@dataclass(frozen=True)
class Slice:
    """A slice of rows with a higher mean loss: `score` and `score_elsewhere` in the metric, `rate` the share of wrong
    classes (None for numbers). `where` is its condition on the column.
    """

    column: str
    words: str
    n_rows: int
    metric: str
    score: float
    score_elsewhere: float
    rate: float | None
    rate_elsewhere: float | None
    p_value: float
    where: Where | None = None

    @property
    def difference(self) -> float:
        return self.score - self.score_elsewhere

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "difference": self.difference}


@dataclass(frozen=True)
class _Part:
    column: str
    words: str
    where: Where
    rows: Mask
    p_value: float
    excess: float


def worst_slices(
    table: TrainingTable,
    predicted: NDArray[Any],
    threshold: float | None = None,
    together: NDArray[np.intp] | None = None,
    *,
    has_limit: bool = True,
) -> tuple[list[Slice], int]:
    """At most ten slices with a significantly higher loss, the largest difference first, and how many were tested.

    The loss is the log-loss, or for numbers the absolute error, whose few large values do not hide the rest.
    `has_limit` False: all columns are tested, however many cells they have.
    `together`: the group of each row; then the mean losses of groups are compared, since their rows err alike.
    """
    codes = None if together is None else np.unique(together, return_inverse=True)[1]
    if len(table) < MIN_HELD_OUT:
        return [], 0
    if table.task.is_classification:
        loss = losses(table.task, table.target.y, predicted)
        is_wrong = predicted_codes(predicted, threshold, table.target.positive) != table.target.y
    else:
        is_wrong = None
        loss = np.abs(np.asarray(predicted, np.float64) - table.target.y)
    weights = table.target.weights
    parts = [
        _Part(name, words, where, rows, *_compared(loss, rows, codes, weights))
        for name, words, where, rows in _parts(table, n_tested(table) if has_limit else len(table.columns))
        if max(MIN_ROWS, MIN_SHARE * len(table)) <= rows.sum() <= len(table) / 2
    ]
    kept = [each for each in _discovered(parts) if each.excess >= MIN_EXCESS]
    kept.sort(key=lambda each: -each.excess)
    return [_slice(loss, is_wrong, each, weights) for each in _different(kept)], len(parts)


def n_tested(rows: Sized) -> int:
    """How many columns are tested when there is a limit."""
    return max(1, MAX_CELLS // max(len(rows), 1))


def _parts(table: TrainingTable, n_columns: int) -> Iterator[tuple[str, str, Where, Mask]]:
    for name, values in list(table.columns.items())[:n_columns]:
        is_missing = missing(values)
        if is_missing.any():
            yield name, f"{quoted(name)} is missing", {"is_missing": True}, is_missing
        role = table.roles[name]
        if role in (Role.CATEGORICAL, Role.BOOLEAN):
            yield from _levels(name, values, is_missing, is_boolean=role is Role.BOOLEAN)
        elif role in (Role.NUMERIC, Role.DATETIME):
            yield from _ranges(name, values, is_missing)


def _levels(
    name: str, values: NDArray[Any], is_missing: Mask, *, is_boolean: bool
) -> Iterator[tuple[str, str, Where, Mask]]:
    texts = np.where(is_missing, "", values).astype(str)
    levels, codes, counts = np.unique(texts[~is_missing], return_inverse=True, return_counts=True)
    for code in np.argsort(-counts, kind="stable")[:MAX_LEVELS]:
        rows = np.zeros(len(values), bool)
        rows[~is_missing] = codes == code
        level = (
            ("yes" if float(levels[code]) else "no")
            if is_boolean and _is_number(levels[code])
            else levels[code]
        )
        where = {"equals": {"yes": "true", "no": "false"}.get(level, level) if is_boolean else str(level)}
        yield name, f"{quoted(name)} is {quoted(str(level))}", where, rows


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _ranges(name: str, values: NDArray[Any], is_missing: Mask) -> Iterator[tuple[str, str, Where, Mask]]:
    """Quintiles; for a number with few values, each value."""
    is_date = values.dtype.kind == "M"
    numbers = np.asarray(values.astype(np.int64) if is_date else values, np.float64)
    known = numbers[~is_missing]
    distinct = np.unique(known[:5000])
    if len(known) == 0 or len(distinct) < 2:
        return
    edges = np.unique(np.quantile(known, np.linspace(0, 1, N_BINS + 1), method="nearest"))
    if len(distinct) <= N_BINS:
        edges = np.r_[distinct, distinct[-1]]
    last = len(edges) - 2
    for place, (low, high) in enumerate(itertools.pairwise(edges)):
        is_last = place == last
        rows = ~is_missing & (numbers >= low) & ((numbers <= high) if is_last else (numbers < high))
        if rows.any():
            # Named by observed values: "18 to 27" includes both, and a slice of one value names it alone.
            least, most = float(numbers[rows].min()), float(numbers[rows].max())
            words = _range_words(name, least, most, place == 0, is_last, is_date)
            yield name, words, _range(least, most, place == 0, is_last, is_date), rows


def _range_words(name: str, low: float, high: float, is_first: bool, is_last: bool, is_date: bool) -> str:
    if low == high:
        return f"{quoted(name)} is {_bound(low, is_date)}"
    if is_first:
        return f"{quoted(name)} is {_bound(high, is_date)} or less"
    if is_last:
        return f"{quoted(name)} is {_bound(low, is_date)} or more"
    return f"{quoted(name)} is {_bound(low, is_date)} to {_bound(high, is_date)}"


def _range(low: float, high: float, is_first: bool, is_last: bool, is_date: bool) -> Where:
    """Bounds as texts that the filters of the page of rows read; a date is a whole day."""
    least, most = (_bound(each, is_date) if is_date else f"{each:.17g}" for each in (low, high))
    if low == high:
        return {"minimum": least, "maximum": most}
    return ({} if is_first else {"minimum": least}) | ({} if is_last else {"maximum": most})


def _bound(value: float, is_date: bool) -> str:
    if is_date:
        return str(np.datetime64(int(value), "us").astype("datetime64[D]"))
    return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:,.4g}"


def _compared(
    loss: NDArray[np.float64], rows: Mask, together: NDArray[np.intp] | None, weights: Weights
) -> tuple[float, float]:
    """One-sided p-value for a higher mean loss in these rows, and the excess as a share of the loss elsewhere."""
    inside, outside = loss[rows], loss[~rows]
    own, others = part(weights, rows), part(weights, ~rows)
    elsewhere = mean(outside, others)
    gap = mean(inside, own) - elsewhere
    if gap <= 0:
        return 1.0, 0.0
    excess = gap / elsewhere if elsewhere > 0 else math.inf
    if together is None:
        return _welch(inside, outside, own, others), excess
    inside = _group_means(inside, together[rows], own)
    outside = _group_means(outside, together[~rows], others)
    if min(len(inside), len(outside)) < MIN_GROUPS:
        return 1.0, 0.0
    return _welch(inside, outside), excess


def _group_means(
    loss: NDArray[np.float64], together: NDArray[np.intp], weights: Weights
) -> NDArray[np.float64]:
    counts = np.bincount(together, weights)
    sums = np.bincount(together, weights=loss if weights is None else loss * weights)
    means: NDArray[np.float64] = sums[counts > 0] / counts[counts > 0]
    return means


def _welch(
    inside: NDArray[np.float64],
    outside: NDArray[np.float64],
    own: Weights = None,
    others: Weights = None,
) -> float:
    # Imported here: pages import this module, and need no SciPy.
    from scipy.special import stdtr

    (first, n_first), (second, n_second) = _error_of_mean(inside, own), _error_of_mean(outside, others)
    error = math.sqrt(first + second)
    if error == 0 or min(n_first, n_second) <= 1:
        return 1.0
    freedom = (first + second) ** 2 / (first**2 / (n_first - 1) + second**2 / (n_second - 1))
    return float(stdtr(freedom, -(mean(inside, own) - mean(outside, others)) / error))


def _error_of_mean(loss: NDArray[np.float64], weights: Weights) -> tuple[float, float]:
    """The squared standard error of the mean, and of how many equal rows it is the mean."""
    if weights is None:
        return float(loss.var(ddof=1) / len(loss)), len(loss)
    squared = np.square(weights * (loss - mean(loss, weights))).sum() / weights.sum() ** 2
    return float(squared * len(loss) / (len(loss) - 1)), effective_size(weights)


def _discovered(parts: Sequence[_Part]) -> list[_Part]:
    """The Benjamini-Hochberg procedure: the smallest p-values, up to the last one below its limit."""
    ordered = sorted(parts, key=lambda part: part.p_value)
    limits = FALSE_DISCOVERY_RATE * (np.arange(len(ordered)) + 1) / max(len(ordered), 1)
    below = [number for number, part in enumerate(ordered) if part.p_value <= limits[number]]
    return ordered[: below[-1] + 1] if below else []


def _different(parts: Sequence[_Part]) -> list[_Part]:
    """The parts without those that mostly repeat the rows of an earlier one."""
    kept: list[_Part] = []
    for each in parts:
        if len(kept) < MAX_SLICES and not any(_is_same(each.rows, other.rows) for other in kept):
            kept.append(each)
    return kept


def _is_same(a: Mask, b: Mask) -> bool:
    return bool((a & b).sum() >= SAME_SHARE * (a | b).sum())


def _slice(loss: NDArray[np.float64], is_wrong: Mask | None, found: _Part, weights: Weights) -> Slice:
    rows = found.rows
    own, others = part(weights, rows), part(weights, ~rows)
    return Slice(
        column=found.column,
        words=found.words,
        n_rows=int(rows.sum()),
        metric="mae" if is_wrong is None else "log_loss",
        score=mean(loss[rows], own),
        score_elsewhere=mean(loss[~rows], others),
        rate=None if is_wrong is None else mean(is_wrong[rows], own),
        rate_elsewhere=None if is_wrong is None else mean(is_wrong[~rows], others),
        p_value=found.p_value,
        where=found.where,
    )
