"""Learning curve of the best candidate, fitted on 1/8, 1/4 and 1/2 of each fold's rows: would more rows help?

Errors fall about as a power of the number of rows, down to what these columns cannot explain (Viering and Loog, "The
shape of learning curves: a review", 2023). So the gain of the next doubling is estimated from the last two doublings.
The curve is fitted within the time that is left, or left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..metrics.scores import selection_metric, selection_score
from ..types.left_out import CURVE_NO_TIME
from ..validation.splits import Index
from ..validation.target import Target
from .checkpoints import FoldFit
from .fold_fitting import fit_fold
from .leaderboard import Outcome
from .search import Search

# Share of the budget that this may take at most.
SHARE = 0.05
FRACTIONS = (0.125, 0.25, 0.5)
# Scores after fitting on fewer rows than this are not informative.
MIN_ROWS = 24
# Gains from twice as many rows, as shares of the error: a clear one, and the least that is mentioned.
LARGE, SMALL = 0.02, 0.005
NO_TIME = CURVE_NO_TIME


@dataclass(frozen=True)
class Point:
    """The mean score over folds after a fit on `n_rows`, and its standard error as `spread`."""

    n_rows: int
    score: float
    spread: float


@dataclass(frozen=True)
class LearningCurve:
    """The learning curve. `gain_last`: the share of the error that the last doubling of the rows removed;
    `gain_next`: the estimate for the next doubling.

    Without points, `sentence` gives the reason.
    """

    sentence: str
    metric: str = ""
    candidate: str = ""
    n_folds: int = 0
    points: tuple[Point, ...] = ()
    gain_last: float | None = None
    gain_next: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "points": [asdict(point) for point in self.points]}


def learning_curve(search: Search) -> LearningCurve:
    """The learning curve of the best single candidate, on as many folds as there is time for."""
    best = min(search.outcomes.values(), key=lambda each: each.entry.score or math.inf)
    fractions = _fractions(search, best)
    one, n_folds = search.costs.curve(best), len(search.split.folds)
    seconds = min(SHARE * search.clock.budget_seconds, search.seconds_until_finish)
    n_affordable = int(seconds / one * search.children.n_slots) if one > 0 else n_folds
    if len(fractions) < 2:
        return LearningCurve("Whether more rows would help cannot be told from so few.")
    if n_affordable < 1:
        return LearningCurve(NO_TIME)
    folds = range(min(n_affordable, n_folds))
    _fit(search, best, fractions, folds, seconds)
    scores = [each for fold in folds if (each := _scores_of(search, best, fold, fractions)) is not None]
    if not scores:
        return LearningCurve(NO_TIME)
    n_rows = float(np.mean([_n_seen(best, search.split.folds[fold][0]) for fold in folds]))
    curve = interpret_curve(
        selection_metric(search.table.task), best.candidate.title,
        [round(n_rows * share) for share in (*fractions, 1.0)], scores,
    )  # fmt: skip
    most = best.candidate.info.max_rows
    if most is None or n_rows < most:
        return curve
    sentence = f"{best.candidate.title} looks at {most:,} rows at most, so more rows would not help it."
    return replace(curve, sentence=sentence, gain_next=0.0)


def interpret_curve(
    metric: str, candidate: str, n_rows: Sequence[int], scores: Sequence[Sequence[float]]
) -> LearningCurve:
    """The learning curve and its interpretation. `scores`: for each fold, one score for each number of rows."""
    table = np.asarray(scores, np.float64)
    mean = table.mean(axis=0)
    spread = table.std(axis=0, ddof=1) / math.sqrt(len(table)) if len(table) > 1 else np.zeros(len(mean))
    gains = 1 - table[:, -1] / np.maximum(table[:, -2], 1e-12)
    error = float(gains.std(ddof=1) / math.sqrt(len(gains))) if len(gains) > 1 else 0.0
    last, before = _gain(mean[-2], mean[-1]), _gain(mean[-3], mean[-2]) if len(mean) > 2 else 0.0
    # In a power law, gains shrink by a constant factor per doubling; none may be larger than the one before.
    shrinking = min(max(last / before, 0.0), 1.0) if before > 0 else 0.5
    following = max(last, 0.0) * shrinking
    points = tuple(
        Point(n, float(score), float(wide)) for n, score, wide in zip(n_rows, mean, spread, strict=True)
    )
    sentence = _sentence(n_rows, last, following, error)
    return LearningCurve(sentence, metric, candidate, len(table), points, last, following)


def _gain(earlier: float, later: float) -> float:
    return float(1 - later / earlier) if earlier > 0 else 0.0


def _sentence(n_rows: Sequence[int], last: float, following: float, error: float) -> str:
    step = f"from {n_rows[-2]:,} to {n_rows[-1]:,} rows its error fell by {_share(last)}"
    if following >= LARGE and last > 2 * error:
        return f"More rows would help: {step}, and twice as many may take off about {_share(following)} more."
    if following >= SMALL and last > error:
        return f"More rows would help a little: {step}; twice as many may take off about {_share(following)} more."
    if last > SMALL:
        return f"More rows would hardly help: {step}, which may be chance, or the end of the gain."
    return (
        f"More rows of this kind would hardly help: between {n_rows[-2]:,} and {n_rows[-1]:,} rows its error no "
        "longer falls. Columns with more information would."
    )


def _share(value: float) -> str:
    return (
        f"{value:.1%}".replace("%", "\u00a0%") if abs(value) < 0.1 else f"{value:.0%}".replace("%", "\u00a0%")
    )


def _fractions(search: Search, best: Outcome) -> tuple[float, ...]:
    n_rows = min(_n_seen(best, fit) for fit, _ in search.split.folds)
    return tuple(share for share in FRACTIONS if share * n_rows >= MIN_ROWS)


def _n_seen(best: Outcome, fit: Index) -> int:
    """How many of these rows the estimator is fitted on."""
    return min(len(fit), best.candidate.info.max_rows or len(fit))


def _fit(search: Search, best: Outcome, fractions: Sequence[float], folds: range, seconds: float) -> None:
    """Fit each fold in a child process that writes a JSON file; one that takes too long is killed."""
    waiting = list(folds)
    timeout = seconds / math.ceil(len(folds) / search.children.n_slots)
    while waiting or not search.children.is_idle:
        while waiting and search.children.has_slot:
            fold = waiting.pop(0)
            if search.checkpoints.read_json(_name(best, fold)) is None:
                search.children.start(f"curve-{fold}", _work(search, best, fractions, fold), timeout)
        if not search.children.is_idle:
            search.children.wait()


def _work(search: Search, best: Outcome, fractions: Sequence[float], fold: int) -> Any:
    fit, score = search.split.folds[fold]
    order = np.random.default_rng(search.seed + fold).permutation(fit)

    def work() -> None:
        scoring = search.table.rows(score)
        scores = []
        for share in fractions:
            part = search.table.rows(np.sort(order[: round(share * _n_seen(best, fit))]))
            scores.append(
                _score(search, scoring.target, fit_fold(best.candidate, part, scoring, seed=search.seed))
            )
        search.checkpoints.write_json(_name(best, fold), {"scores": scores})

    return work


def _scores_of(search: Search, best: Outcome, fold: int, fractions: Sequence[float]) -> list[float] | None:
    """The scores on parts of the fold's rows and on all of them; None when something is missing."""
    parts: Mapping[str, Any] | None = search.checkpoints.read_json(_name(best, fold))
    whole = search.checkpoints.load(f"{best.candidate.key}-{fold}")
    if parts is None or whole is None or len(parts["scores"]) != len(fractions):
        return None
    target = search.table.target.rows(search.split.folds[fold][1])
    scores = [*parts["scores"], _score(search, target, whole)]
    return scores if np.isfinite(scores).all() else None


def _score(search: Search, target: Target, fit: FoldFit) -> float:
    """The score of the best stage: with fewer rows, fewer rounds are best."""
    return min(
        selection_score(search.table.task, target.y, stage, target.weights) for stage in fit.predictions
    )


def _name(best: Outcome, fold: int) -> str:
    return f"curve-{best.candidate.key}-{fold}.json"
