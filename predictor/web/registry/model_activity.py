"""The part of a model's page about its predictions over time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...i18n.translation import translated
from ...models import PredictionSource, RegisteredModel
from ...services.prediction_log import activity, summary
from ...templatetags.mlweb import number, time_text
from ..charts.chart_tags import bars
from ..pages.time_chart import time_chart

DEFAULT = "30d"
RANGES = {"day": gettext_lazy("24 hours"), "30d": gettext_lazy("30 days"), "year": gettext_lazy("Year")}
# The codes of warnings about inputs (ml/inputs/value_readers.py), in words.
WARNINGS = {
    "missing": gettext_lazy("A value is missing"),
    "unseen": gettext_lazy("A value did not occur in training"),
    "out_of_range": gettext_lazy("A number is far outside of what training saw"),
    "coerced": gettext_lazy("A value was taken as another kind"),
}
WHEN = {
    "day": gettext_lazy("in the last 24 hours"),
    "30d": gettext_lazy("in the last 30 days"),
    "year": gettext_lazy("in the last year"),
}


def activity_of(request: HttpRequest, model: RegisteredModel) -> dict[str, Any]:
    """What the template needs; `?range=` and `?day=` choose, and what they do not know is left out."""
    day = _day(request.GET.get("day", ""))
    wanted = "day" if day else request.GET.get("range", "")
    wanted = wanted if wanted in RANGES else DEFAULT
    found = activity.of_model(model, span=wanted, day=day)
    when = (
        _("on %(date)s (UTC)") % {"date": time_text(datetime.combine(day, time(), UTC), "day")}
        if day
        else str(WHEN[wanted])
    )
    labels = dict(PredictionSource.choices)
    return {
        "range": "" if day else wanted,
        "ranges": RANGES,
        "when": when,
        "total": found.total,
        "chart": time_chart(
            found, title=_("Predictions of %(name)s %(when)s") % {"name": model.name, "when": when}
        ),
        "sources_words": ", ".join(
            f"{translated(str(labels.get(name, name)))} ({number(n)})" for name, n in found.sources.items()
        ),
        "warnings": [
            (WARNINGS.get(code, code), n)
            for code, n in sorted(found.warnings.items(), key=lambda each: -each[1])
        ],
        "counted_to": summary.counted_to(model.workspace),
    }


def spark_of(model: RegisteredModel) -> dict[str, Any]:
    """The small chart of the Summary: predictions of the last 30 days."""
    found = activity.of_model(model, span=DEFAULT)
    counts = [each.counts.n_rows for each in found.periods]
    words = _("%(count)s predictions in the last 30 days") % {"count": number(found.total.n_rows)}
    return {"total": found.total, "bars": list(bars(counts)), "label": words}


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if activity.FIRST_DAY <= day <= activity.LAST_DAY else None
