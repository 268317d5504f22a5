"""Predictions over time, read from the hourly summary: never from the log, whatever its size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import F, Sum
from django.utils import timezone

from ...errors import InvalidInput
from ...models import ModelVersion, PredictionHour, PredictionTotal, RegisteredModel
from .hour_counts import ADDED, summed

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# {name: (what one period is, how many there are)}
RANGES = {"day": ("hour", HOUR, 24), "30d": ("day", DAY, 30), "year": ("week", WEEK, 53)}
OVERVIEW_DAYS = 30
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(9998, 12, 31)


@dataclass(frozen=True)
class Counts:
    """What was predicted in one period; the names are those of PredictionHour."""

    n_rows: int = 0
    n_requests: int = 0
    n_with_warnings: int = 0
    n_errors: int = 0
    latency_ms_sum: float = 0.0
    n_sure: int = 0
    sureness_sum: float = 0.0
    n_scores: int = 0
    score_sum: float = 0.0
    score_square_sum: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in ADDED})

    @property
    def warning_share(self) -> float | None:
        return self.n_with_warnings / self.n_rows if self.n_rows else None

    @property
    def mean_latency_ms(self) -> float | None:
        return self.latency_ms_sum / self.n_requests if self.n_requests else None

    @property
    def mean_sureness(self) -> float | None:
        return self.sureness_sum / self.n_sure if self.n_sure else None

    @property
    def mean_score(self) -> float | None:
        return self.score_sum / self.n_scores if self.n_scores else None

    @property
    def score_deviation(self) -> float | None:
        """The standard deviation of the scores."""
        if not self.n_scores:
            return None
        mean = self.score_sum / self.n_scores
        return math.sqrt(max(0.0, self.score_square_sum / self.n_scores - mean * mean))


@dataclass(frozen=True)
class Period:
    start: datetime
    counts: Counts


@dataclass(frozen=True)
class Outcomes:
    """What one version answered: rows of each class, and of each bin of its score, with the bins' inner edges."""

    classes: tuple[tuple[Any, int], ...]
    n_other_classes: int
    edges: tuple[float, ...]
    bins: tuple[int, ...]
    score_min: float | None
    score_max: float | None


@dataclass(frozen=True)
class Activity:
    """The periods of a range, oldest first, also those without predictions. Times are in UTC."""

    range: str
    unit: str
    since: datetime
    until: datetime
    periods: tuple[Period, ...]
    sources: Mapping[str, int]
    warnings: Mapping[str, int]
    outcomes: Outcomes | None = None

    @property
    def total(self) -> Counts:
        return sum((each.counts for each in self.periods), Counts())


def of_model(
    registered_model: RegisteredModel,
    *,
    span: str = "30d",
    version: ModelVersion | None = None,
    day: date | None = None,
) -> Activity:
    """Predictions of all versions of a model, or of one, with its outcomes.

    `span`: "day" are the last 24 hours, or the hours of `day`; "30d" 30 days; "year" 53 weeks that begin on Monday.
    The last period is the one that is not over yet. Raises InvalidInput.
    """
    if span not in RANGES:
        raise InvalidInput(f"The range is {', '.join(RANGES)}, not {span!r}.")
    if day is not None and not FIRST_DAY <= day <= LAST_DAY:
        raise InvalidInput(f"The day is from {FIRST_DAY} to {LAST_DAY}, not {day}.")
    unit, step, n_periods = RANGES[span]
    last = _begin(timezone.now(), unit)
    if day is not None and span == "day":
        last = datetime(day.year, day.month, day.day, 23, tzinfo=UTC)
    since = last - (n_periods - 1) * step
    hours = PredictionHour.objects.filter(hour__gte=since, hour__lt=last + step)
    if version is not None:
        hours = hours.filter(model_version=version)
    else:
        versions = registered_model.versions.order_by().values_list("pk", flat=True)
        hours = hours.filter(model_version__in=list(versions))
    found: dict[datetime, Counts] = {}
    for moment, counts in _by_period(hours, unit):
        begin = _begin(moment, unit)
        found[begin] = found.get(begin, Counts()) + counts
    starts = [since + place * step for place in range(n_periods)]
    sources, warnings = _named(hours)
    return Activity(
        range=span,
        unit=unit,
        since=since,
        until=last + step,
        periods=tuple(Period(start, found.get(start, Counts())) for start in starts),
        sources=sources,
        warnings=warnings,
        outcomes=_outcomes(version, hours) if version is not None else None,
    )


def of_models(registered_models: Sequence[RegisteredModel]) -> dict[int, list[Period]]:
    """The last OVERVIEW_DAYS days of each model, by its primary key, oldest first; one statement for all."""
    today = int((timezone.now() - EPOCH) / DAY)
    days = range(today - OVERVIEW_DAYS + 1, today + 1)
    path = "model_version__registered_model"
    rows = (
        PredictionHour.objects.filter(**{f"{path}__in": registered_models}, day__gte=days[0])
        .order_by()
        .values(path, "day")
        .annotate(**{f"sum_{name}": Sum(name) for name in ADDED})
    )
    found = {(row[path], row["day"]): _counts(row) for row in rows}
    return {
        model.pk: [Period(EPOCH + day * DAY, found.get((model.pk, day), Counts())) for day in days]
        for model in registered_models
    }


def _begin(moment: datetime, unit: str) -> datetime:
    """The beginning of its hour, day or week in UTC."""
    moment = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if unit == "hour":
        return moment
    moment = moment.replace(hour=0)
    return moment if unit == "day" else moment - moment.weekday() * DAY


def _by_period(hours: models.QuerySet[PredictionHour], unit: str) -> Iterable[tuple[datetime, Counts]]:
    """Sums by hour, or by day in the database: a year has 8,760 hours."""
    name = "hour" if unit == "hour" else "day"
    rows = hours.order_by().values(name).annotate(**{f"sum_{each}": Sum(each) for each in ADDED})
    for row in rows:
        yield row["hour"] if unit == "hour" else EPOCH + row["day"] * DAY, _counts(row)


def _counts(row: Mapping[str, Any]) -> Counts:
    return Counts(**{name: row[f"sum_{name}"] or 0 for name in ADDED})


def _named(hours: models.QuerySet[PredictionHour]) -> tuple[dict[str, int], dict[str, int]]:
    sources: dict[str, int] = {}
    warnings: dict[str, int] = {}
    for pair in hours.order_by().values_list("sources", "warnings").iterator():
        for known, new in zip((sources, warnings), pair, strict=True):
            for name, n in new.items():
                known[name] = known.get(name, 0) + n
    return dict(sorted(sources.items())), dict(sorted(warnings.items()))


def _outcomes(version: ModelVersion, hours: models.QuerySet[PredictionHour]) -> Outcomes | None:
    total = PredictionTotal.objects.filter(pk=version.pk).first()
    if total is None:
        return None
    classes: list[int] = []
    bins: list[int] = []
    for more_classes, more_bins in hours.order_by().values_list("classes", "bins").iterator():
        classes, bins = summed(classes, more_classes), summed(bins, more_bins)
    ends = hours.aggregate(low=models.Min("score_min"), high=models.Max("score_max"))
    counted = classes or [0] * (len(total.classes) + 1)
    return Outcomes(
        classes=tuple(zip(total.classes, counted, strict=False)),
        n_other_classes=counted[-1],
        edges=tuple(total.edges),
        bins=tuple(bins or [0] * (len(total.edges) + 1 if total.edges else 0)),
        score_min=ends["low"],
        score_max=ends["high"],
    )


def last_predicted_at(registered_models: Sequence[RegisteredModel]) -> dict[int, datetime]:
    """When each model was asked last, by its primary key; without those that never were."""
    path = "model_version__registered_model"
    rows = PredictionTotal.objects.filter(**{f"{path}__in": registered_models}, last_at__isnull=False)
    return dict(rows.order_by().values_list(path).annotate(last=models.Max(F("last_at"))))
