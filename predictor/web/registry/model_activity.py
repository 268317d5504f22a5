"""The part of a model's page about its predictions over time."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpRequest

from ...models import PredictionSource, RegisteredModel
from ...services.prediction_log import activity, summary
from ..pages.time_chart import time_chart

DEFAULT = "30d"
RANGES = {"day": "24 hours", "30d": "30 days", "year": "Year"}
WHEN = {"day": "in the last 24 hours", "30d": "in the last 30 days", "year": "in the last year"}


def activity_of(request: HttpRequest, model: RegisteredModel) -> dict[str, Any]:
    """What the template needs; `?range=` and `?day=` choose, and what they do not know is left out."""
    day = _day(request.GET.get("day", ""))
    wanted = "day" if day else request.GET.get("range", "")
    wanted = wanted if wanted in RANGES else DEFAULT
    found = activity.of_model(model, span=wanted, day=day)
    when = f"on {day.day} {day:%B %Y} (UTC)" if day else WHEN[wanted]
    labels = dict(PredictionSource.choices)
    return {
        "range": "" if day else wanted,
        "ranges": RANGES,
        "when": when,
        "total": found.total,
        "chart": time_chart(found, title=f"Predictions of {model.name} {when}"),
        "sources": [(labels.get(name, name), n) for name, n in found.sources.items()],
        "counted_to": summary.counted_to(model.workspace),
    }


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if activity.FIRST_DAY <= day <= activity.LAST_DAY else None
