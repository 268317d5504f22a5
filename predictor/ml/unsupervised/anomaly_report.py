"""Report on an anomaly detection version (isolation forest), as one JSON document.

    {"format": 1, "task": "anomaly", "n_rows": rows looked at,
     "metrics": {"contamination", "n_clear", "stability"},
     "verdict": {"sentence", "is_better": some rows stand out clearly, "is_sure": and the result is stable},
     "histogram": {"edges", "counts"} of the forest's own scores, "threshold": own scores from this on are unusual,
     "rows": [{"row": number in the table or null, "score": share of less unusual rows, "isolation": own score,
               "reasons": ["income 250,000: higher than in 99 % of the rows", …] or null where there was no time}],
               most unusual first
     "columns": [{"column", "mean"}]: what each column added to the scores of these rows, largest first}
Every number is finite or null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..estimators.isolation_forest import IsolationScore
from ..execution.progress import Deadline
from ..explanation.shapley import Explanation
from ..types.schema import Role, canonical_text
from ..validation.target import missing
from ..validation.training_table import TrainingTable
from .cluster_profiles import figure, percent

N_ROWS_SHOWN = 20
N_REASONS = 3
N_BINS = 40
# "If instances return a score very close to 1, they are definitely anomalies; if all return about 0.5, the sample
# does not have any distinct anomaly" (Liu et al., section 2). The corners of uniform noise reach 0.63, the
# farthest of 500 normal rows 0.69.
CLEAR = 0.7
STEADY = 0.8
# A value is remarkable by itself if at most this share of rows lies beyond it, or has the same level.
REMARKABLE = 0.05
# A column is no reason if its contribution is below this share of the largest one.
SMALL_SHARE = 0.2


@dataclass(frozen=True)
class ScoredRows:
    """Rows with the forest's own score. `numbers`: row numbers in the table from 0; None if it was sampled."""

    table: TrainingTable
    scores: NDArray[np.float64]
    numbers: NDArray[np.intp] | None
    estimator: IsolationScore
    contamination: float
    stability: float | None

    @property
    def shares(self) -> NDArray[np.float64]:
        return np.interp(self.scores, self.estimator.knots_, self.estimator.shares_)

    @property
    def threshold(self) -> float:
        return float(np.interp(1.0 - self.contamination, self.estimator.shares_, self.estimator.knots_))


Explain = Callable[[NDArray[np.intp]], Sequence[Explanation]]


def report(scored: ScoredRows, explain: Explain, deadline: Deadline) -> dict[str, Any]:
    """See the module's docstring. `explain` takes row positions, and is called while there is time."""
    order = np.argsort(-scored.scores, kind="stable")[:N_ROWS_SHOWN]
    explanations = _explained(order, explain, deadline)
    counts, edges = np.histogram(scored.scores, bins=N_BINS)
    n_clear = int((scored.scores >= CLEAR).sum())
    return {
        "format": 1,
        "task": scored.table.task.value,
        "n_rows": len(scored.table),
        "metrics": {
            "contamination": scored.contamination,
            "n_clear": n_clear,
            "stability": scored.stability,
        },
        "verdict": _verdict(scored, n_clear),
        "histogram": {"edges": [float(each) for each in edges], "counts": [int(each) for each in counts]},
        "threshold": scored.threshold,
        "rows": [_row(scored, int(place), each) for place, each in zip(order, explanations, strict=True)],
        "columns": _columns([each for each in explanations if each is not None]),
    }


def _explained(order: NDArray[np.intp], explain: Explain, deadline: Deadline) -> list[Explanation | None]:
    explanations: list[Explanation | None] = []
    for place in order:
        explanations.append(explain(np.array([place]))[0] if deadline.allows(0.0) else None)
    return explanations


def _verdict(scored: ScoredRows, n_clear: int) -> dict[str, Any]:
    n_rows = len(scored.table)
    is_steady = scored.stability is not None and scored.stability >= STEADY
    definition = f"By definition {percent(scored.contamination)} of rows like these are called unusual."
    if n_clear:
        rows = "1 of the rows stands" if n_clear == 1 else f"{n_clear:,} of the {n_rows:,} rows stand"
        clear = f"{rows} out clearly (isolation score of {CLEAR} or more)."
    else:
        clear = (
            f"No row stands out clearly (all isolation scores are below {CLEAR}): what is called unusual here "
            "is the rim of the table rather than something odd."
        )
    agreement = ""
    if scored.stability is not None:
        agreement = f" Other random trees name {percent(scored.stability)} of the same rows."
        if not is_steady:
            agreement += (
                " Rows near the threshold change sides by chance: look at the score, not at the label."
            )
    return {
        "sentence": f"{clear} {definition}{agreement}",
        "is_better": n_clear > 0,
        "is_sure": n_clear > 0 and is_steady,
    }


def _row(scored: ScoredRows, place: int, explanation: Explanation | None) -> dict[str, Any]:
    return {
        "row": None if scored.numbers is None else int(scored.numbers[place]) + 1,
        "score": float(scored.shares[place]),
        "isolation": float(scored.scores[place]),
        "reasons": None if explanation is None else reasons(scored.table, place, explanation.contributions),
    }


def reasons(table: TrainingTable, place: int, contributions: Mapping[str, float]) -> list[str]:
    """The columns with the largest contributions to this row's score, each with what is unusual in its value."""
    least = SMALL_SHARE * max(contributions.values())
    names = [name for name, value in contributions.items() if value > 0 and value >= least][:N_REASONS]
    return [_reason(name, table.columns[name], table.roles[name], place) for name in names]


def _reason(name: str, values: NDArray[Any], role: Role, place: int) -> str:
    is_missing = missing(values)
    if is_missing[place]:
        return f"{name} missing, as in {percent(float(is_missing.mean()))} of the rows"
    known, value = values[~is_missing], values[place]
    if role is Role.TEXT:
        return f"{name}: rare words"
    if role is Role.NUMERIC or role is Role.DATETIME:
        formatted = figure(float(value)) if role is Role.NUMERIC else str(value.astype("datetime64[D]"))
        words = ("higher", "lower") if role is Role.NUMERIC else ("later", "earlier")
        n_below, n_above = int((known < value).sum()), int((known > value).sum())
        word, n_passed = (words[0], n_below) if n_below > n_above else (words[1], n_above)
        if n_passed == len(known) - 1:
            return f"{name} {formatted}: {word} than in every other row"
        if n_passed >= (1 - REMARKABLE) * len(known):
            return f"{name} {formatted}: {word} than in {percent(n_passed / len(known))} of the rows"
        return f"{name} {formatted}: unusual beside the other values"
    share = float((known == value).mean())
    text = canonical_text(bool(value)) if role is Role.BOOLEAN else str(value)[:40]
    if share <= REMARKABLE:
        return f"{name} “{text}”: {percent(share)} of the rows"
    return f"{name} “{text}”: unusual beside the other values"


def _columns(explanations: Sequence[Explanation]) -> list[dict[str, Any]]:
    if not explanations:
        return []
    names = explanations[0].contributions
    means = {name: float(np.mean([each.contributions[name] for each in explanations])) for name in names}
    return [{"column": name, "mean": means[name]} for name in sorted(means, key=lambda each: -means[each])]
