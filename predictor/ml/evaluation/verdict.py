"""The verdict on a model, in sentences: comparison with each baseline, confidence intervals, and warnings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import quoted
from ..metrics.confidence_intervals import Resamples
from ..metrics.row_weights import effective_size, mean
from ..metrics.scores import losses, selection_metric
from ..types.schema import Task, label_text
from ..validation.target import Target
from ..validation.testing_conditions import FEW_OF_A_CLASS, FEW_ROWS
from .slices import Slice

Array = NDArray[Any]
# Folds whose scores differ by this share of the score are not steady.
UNSTEADY = 0.2
ERRORS = {"log_loss": "log-loss", "rmse": "RMSE"}


@dataclass(frozen=True)
class Baseline:
    """A baseline that any model should beat: its predictions on the held-out rows."""

    key: str
    title: str
    predictions: Array


@dataclass(frozen=True)
class Comparison:
    """The model compared with one baseline. `gain`: how much lower its mean loss is; `relative_gain`: how much lower
    its error (log-loss or RMSE) is, as a share of the baseline's. Each with its 95 % interval, None where unknown.
    """

    baseline: str
    title: str
    gain: float
    gain_low: float
    gain_high: float
    relative_gain: float | None
    relative_low: float | None
    relative_high: float | None

    @property
    def is_sure(self) -> bool:
        return self.gain_low > 0 or self.gain_high < 0

    @property
    def outcome(self) -> str:
        if not self.is_sure:
            return "unclear"
        return "better" if self.gain > 0 else "worse"

    def to_json(self) -> dict[str, Any]:
        return {name: _finite(value) for name, value in asdict(self).items()} | {"outcome": self.outcome}


@dataclass(frozen=True)
class Verdict:
    """Whether the model beats the first baseline: a sentence, comparisons and warnings."""

    sentence: str
    worries: Sequence[str]
    comparisons: Sequence[Comparison]

    @property
    def gain(self) -> float:
        return self.comparisons[0].gain

    @property
    def gain_low(self) -> float:
        return self.comparisons[0].gain_low

    @property
    def gain_high(self) -> float:
        return self.comparisons[0].gain_high

    @property
    def is_sure(self) -> bool:
        return self.comparisons[0].is_sure

    @property
    def is_better(self) -> bool:
        return self.comparisons[0].outcome == "better"

    def to_json(self) -> dict[str, Any]:
        return {
            "sentence": self.sentence,
            "is_better": self.is_better,
            "is_sure": self.is_sure,
            "baseline": self.comparisons[0].baseline,
            "gain": _finite(self.gain),
            "gain_low": _finite(self.gain_low),
            "gain_high": _finite(self.gain_high),
            "comparisons": [each.to_json() for each in self.comparisons],
            "worries": list(self.worries),
        }


def _finite(value: Any) -> Any:
    """None for a number that JSON cannot hold."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def compare_with_baselines(
    target: Target,
    predicted: Array,
    baselines: Sequence[Baseline],
    resamples: Resamples,
    worries: Sequence[str],
) -> Verdict:
    """Compare the model with the baselines by their losses; the first baseline is the dummy."""
    own = losses(target.task, target.y, predicted)
    others = [losses(target.task, target.y, each.predictions) for each in baselines]
    comparisons = [
        _compared(target.task, each, own, other, resamples)
        for each, other in zip(baselines, others, strict=True)
    ]
    sentence = _against_dummy(target, comparisons[0], own, others[0])
    return Verdict(
        sentence + against_others(comparisons[0].outcome == "better", comparisons[1:]), worries, comparisons
    )


def _compared(task: Task, baseline: Baseline, own: Array, other: Array, resamples: Resamples) -> Comparison:
    difference = other - own
    low, high = resamples.interval(resamples.means(difference)) or (-math.inf, math.inf)
    relative, relative_low, relative_high = None, None, None
    ours, theirs = (mean(each, resamples.counted_by) for each in (own, other))
    if theirs > 0:
        relative = 1 - _error(task, ours) / _error(task, theirs)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = _error(task, resamples.means(own)) / _error(task, resamples.means(other))
        relative_low, relative_high = resamples.interval(1 - ratio) or (None, None)
    return Comparison(
        baseline.key, baseline.title, mean(difference, resamples.counted_by), float(low), float(high),
        None if relative is None else float(relative), relative_low, relative_high,
    )  # fmt: skip


def _error(task: Task, mean_loss: Any) -> Any:
    return mean_loss if task.is_classification else np.sqrt(mean_loss)


def _against_dummy(target: Target, comparison: Comparison, own: Array, dummy: Array) -> str:
    task = target.task
    ours, theirs = (float(_error(task, mean(each, target.weights))) for each in (own, dummy))
    what = "always answering the class shares" if task.is_classification else "always answering the mean"
    if task.is_classification:
        numbers = f"log-loss {ours:.3f} against {theirs:.3f}"
    else:
        numbers = f"RMSE {short(ours)} against {short(theirs)}"
    rows = f"on {len(own):,} rows that it never saw"
    if comparison.outcome == "better":
        return f"The model is better than {what}: {numbers} {rows}{_less(comparison)}, and chance does not explain it."
    if comparison.outcome == "worse":
        return f"The model is worse than {what}: {numbers} {rows}{_less(comparison)}. Do not use it."
    return f"The model is not shown to be better than {what}: {numbers} {rows}, which chance alone can give."


def against_others(is_better: bool, comparisons: Sequence[Comparison]) -> str:
    """The sentences on the baselines after the first, each with a blank before it; `is_better`: than the first."""
    sentences, beats = "", "also beats" if is_better else "beats"
    for each in comparisons:
        sentences += _against(each, beats)
        beats = "also beats" if each.outcome == "better" else beats
    return sentences


def _against(comparison: Comparison, beats: str) -> str:
    if comparison.outcome == "better":
        return f" It {beats} the baseline {comparison.title}{_by(comparison)}."
    if comparison.outcome == "worse":
        return f" But the baseline {comparison.title} is better than it{_by(comparison)}."
    low, high = comparison.relative_low, comparison.relative_high
    between = "" if low is None or high is None else f" (its error is between {_side(low)} and {_side(high)})"
    return f" There is no clear difference from the baseline {comparison.title}{between}."


def _less(comparison: Comparison) -> str:
    """As in ", 39 % less (35 % to 43 %)"."""
    if (size := _size(comparison)) is None:
        return ""
    return f", {size[0]} {'less' if comparison.gain > 0 else 'more'} ({size[1]} to {size[2]})"


def _by(comparison: Comparison) -> str:
    """As in ", by 39 % of the error (35 % to 43 %)"."""
    if (size := _size(comparison)) is None:
        return ""
    return f", by {size[0]} of the error ({size[1]} to {size[2]})"


def _size(comparison: Comparison) -> tuple[str, str, str] | None:
    """The relative difference and its interval, where they are known."""
    gain, low, high = comparison.relative_gain, comparison.relative_low, comparison.relative_high
    if gain is None or low is None or high is None:
        return None
    least, most = sorted((abs(low), abs(high)))
    return _share(abs(gain)), _share(least), _share(most)


def _side(gain: float) -> str:
    return f"{_share(abs(gain))} {'smaller' if gain >= 0 else 'larger'}"


def _share(value: float) -> str:
    if value > 10:
        return "many times"
    return f"{value:.1%}".replace("%", "\u00a0%") if value < 0.1 else f"{value:.0%}".replace("%", "\u00a0%")


def short(value: float) -> str:
    """A number with four significant digits, and all digits before the point."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def worries_about(
    target: Target,
    held_out: Mapping[str, float | None],
    intervals: Mapping[str, Any],
    cross_validation: Mapping[str, Any],
    slices: Sequence[Slice],
    resamples: Resamples,
) -> list[str]:
    """Warnings from the scores: few rows or groups, unsteady folds, a worse hold-out than folds, the worst slice."""
    metric = selection_metric(target.task)
    sentences = [
        _few_rows(target),
        _few_groups(resamples),
        _unsteady(metric, cross_validation),
        _disagreement(metric, held_out, intervals, cross_validation),
        worst_part(slices),
    ]
    return [each for each in sentences if each]


def _few_rows(target: Target) -> str:
    if len(target.y) < FEW_ROWS:
        return f"Only {len(target.y)} rows were held out to test it, so every score is rough."
    if target.weights is not None and (n_equal := effective_size(target.weights)) < FEW_ROWS:
        return (
            f"The {len(target.y):,} rows held out to test it count as much as {n_equal:,.0f} equal ones, "
            "so every score is rough."
        )
    if target.task.is_classification:
        counts = np.bincount(target.y, minlength=target.n_classes)
        rarest = int(counts.argmin())
        if counts[rarest] < FEW_OF_A_CLASS:
            return (
                f"The class {quoted(label_text(target.classes[rarest]))} has only {int(counts[rarest])} of "
                "the rows held out to test it, so the scores of that class are rough."
            )
    return ""


def _few_groups(resamples: Resamples) -> str:
    if resamples.is_enough:
        return ""
    groups = "1 group was" if resamples.n_groups == 1 else f"{resamples.n_groups} groups were"
    return f"Only {groups} held out to test it, so its scores have no confidence intervals."


def _unsteady(metric: str, cross_validation: Mapping[str, Any]) -> str:
    score, spread = (cross_validation.get("metrics") or {}).get(metric), cross_validation.get("spread")
    if not score or spread is None or spread < UNSTEADY * score:
        return ""
    return (
        f"Its error differs much between the folds ({ERRORS[metric]} {short(score)} ± {short(spread)}), "
        "so its error on new rows is hard to predict."
    )


def _disagreement(
    metric: str,
    held_out: Mapping[str, float | None],
    intervals: Mapping[str, Any],
    cross_validation: Mapping[str, Any],
) -> str:
    """A held-out error above that of cross-validation, where their intervals do not overlap."""
    expected = (cross_validation.get("metrics") or {}).get(metric)
    expected_interval = (cross_validation.get("intervals") or {}).get(metric)
    error, interval = held_out.get(metric), intervals.get(metric)
    if expected is None or error is None or not expected_interval or not interval:
        return ""
    if interval[0] <= expected_interval[1]:
        return ""
    return (
        f"It does worse on the held-out rows ({ERRORS[metric]} {short(error)}) than in cross-validation "
        f"({short(expected)}): the held-out rows differ from the others, as later rows often do."
    )


def worst_part(slices: Sequence[Slice]) -> str:
    """The warning about the worst slice; "" for none."""
    if not slices:
        return ""
    worst = slices[0]
    if worst.rate is not None and worst.rate_elsewhere is not None and worst.rate > worst.rate_elsewhere:
        numbers = f"{_share(worst.rate)} wrong against {_share(worst.rate_elsewhere)} elsewhere"
    else:
        name = "log-loss" if worst.metric == "log_loss" else "average error"
        numbers = f"{name} {short(worst.score)} against {short(worst.score_elsewhere)} elsewhere"
    return f"Its error is larger where {worst.words}: {numbers}."
