"""How the versions of a model did on live rows whose actual values are known, beside their held-out figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Count, Max, Sum
from django.utils import timezone

from ...errors import InvalidInput
from ...ml.metrics.confidence_intervals import Interval
from ...ml.monitoring.live_performance import Labelled, LivePerformance, labelled, live_performance
from ...ml.types.schema import Signature
from ...models import Actual, ModelVersion, PredictionHour, RegisteredModel, without_documents

# The newest rows of one version that are judged: 0.3 s.
MAX_ROWS = 20_000
# Versions of one model: those with the newest predictions.
MAX_VERSIONS = 5
LONGEST_DAYS = 3_650
# Up to so many days, a period of the course is a day; else a week.
DAYS_BY_DAY = 31
# A period with fewer rows says nothing.
FEWEST_IN_PERIOD = 5


@dataclass(frozen=True)
class Figure:
    """A metric on live rows with its 95 % interval, beside the held-out one.

    `is_other`: the interval of the live rows does not hold the held-out figure.
    """

    name: str
    value: float | None
    interval: Interval
    held_out: float | None

    @property
    def is_other(self) -> bool:
        if self.interval is None or self.held_out is None:
            return False
        return not self.interval[0] <= self.held_out <= self.interval[1]


@dataclass(frozen=True)
class PeriodQuality:
    """One day or week: how many rows, and their accuracy or mean absolute error."""

    start: datetime
    n_rows: int
    value: float


@dataclass(frozen=True)
class LiveQuality:
    """One version in a span of time. `n_actuals`: predictions with an actual value; `n_rows`: those that were judged.
    `n_predictions`: from the summary of the log; None while the summary is behind.

    `course`: the metric `course_of` by period, from the judged rows.
    """

    version: ModelVersion
    since: datetime
    n_predictions: int | None
    n_actuals: int
    n_rows: int
    n_other_classes: int
    n_unanswered: int
    figures: tuple[Figure, ...]
    performance: LivePerformance | None
    course: tuple[PeriodQuality, ...]
    course_of: str
    last_known_at: datetime | None = None

    @property
    def is_cut(self) -> bool:
        """Whether only the newest actual values were judged."""
        return self.n_actuals > MAX_ROWS

    @property
    def share(self) -> float | None:
        """The share of the predictions with an actual value."""
        return self.n_actuals / self.n_predictions if self.n_predictions else None


def of_model(model: RegisteredModel, *, days: int) -> list[LiveQuality]:
    """The versions with actual values among their predictions of the last days, the newest first.

    Raises InvalidInput.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidInput(f"Give 1 to {LONGEST_DAYS:,} days, not {days}.", field="days")
    since = timezone.now() - timedelta(days=days)
    counted = (
        Actual.objects.filter(model_version__registered_model=model, is_current=True, predicted_at__gte=since)
        .values("model_version")
        .annotate(n=Count("pk"), last=Max("known_at"))
        .order_by("-model_version")[:MAX_VERSIONS]
    )
    counts: dict[int, dict[str, Any]] = {each["model_version"]: dict(each) for each in counted}
    if not counts:
        return []
    rows = without_documents(ModelVersion.objects.filter(pk__in=counts), but=("signature_json", "metrics"))
    hours = PredictionHour.objects.filter(model_version__in=counts, hour__gte=since)
    predicted = dict(hours.values_list("model_version").annotate(Sum("n_rows")).order_by())
    return [
        _of_version(each, since, days, counts[each.pk], predicted.get(each.pk, 0))
        for each in rows.order_by("-number")
    ]


def _of_version(
    version: ModelVersion, since: datetime, days: int, count: dict[str, Any], n_predictions: int
) -> LiveQuality:
    stored = Actual.objects.filter(model_version=version, is_current=True, predicted_at__gte=since)
    newest = list(stored.order_by("-predicted_at").values_list("output", "value", "predicted_at")[:MAX_ROWS])
    signature = version.signature
    rows = labelled(signature, [each[0] for each in newest], [each[1] for each in newest])
    performance = live_performance(signature, rows, threshold=version.threshold) if len(rows) else None
    moments = [newest[place][2] for place in rows.kept.tolist()]
    name, course = _course(signature, rows, moments, version.threshold, is_by_day=days <= DAYS_BY_DAY)
    return LiveQuality(
        version=version,
        since=since,
        # Fewer predictions than actual values: the summary has not counted the newest ones yet.
        n_predictions=n_predictions if n_predictions >= count["n"] else None,
        n_actuals=count["n"],
        n_rows=len(rows),
        n_other_classes=rows.n_other_classes,
        n_unanswered=rows.n_unanswered,
        figures=_figures(version, performance),
        performance=performance,
        course=course,
        course_of=name,
        last_known_at=count["last"],
    )


def _figures(version: ModelVersion, performance: LivePerformance | None) -> tuple[Figure, ...]:
    if performance is None:
        return ()
    held_out = version.metrics if isinstance(version.metrics, dict) else {}
    return tuple(
        Figure(name, value, performance.intervals.get(name), _number(held_out.get(name)))
        for name, value in performance.metrics.items()
    )


def _course(
    signature: Signature,
    rows: Labelled,
    moments: Sequence[datetime],
    threshold: float | None,
    *,
    is_by_day: bool,
) -> tuple[str, tuple[PeriodQuality, ...]]:
    """The accuracy or the mean absolute error of each day or week, earliest first."""
    if signature.task.is_classification:
        name = "accuracy"
        codes = _codes(signature, rows, threshold)
        scores = (codes == rows.y).astype(np.float64)
    else:
        name, scores = "mae", np.abs(rows.predicted - rows.y)
    by_period: dict[datetime, list[float]] = {}
    for moment, score in zip(moments, scores.tolist(), strict=True):
        start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        if not is_by_day:
            start -= timedelta(days=start.weekday())
        by_period.setdefault(start, []).append(score)
    return name, tuple(
        PeriodQuality(start, len(found), float(np.mean(found)))
        for start, found in sorted(by_period.items())
        if len(found) >= FEWEST_IN_PERIOD
    )


def _codes(signature: Signature, rows: Labelled, threshold: float | None) -> Any:
    from ...ml.metrics.scores import predicted_codes

    is_binary = len(signature.classes) == 2
    return predicted_codes(rows.predicted, threshold if is_binary else None, signature.positive)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
