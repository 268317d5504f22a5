"""The words of live figures, on the service's numbers."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from predictor.models import ModelVersion
from predictor.services.monitoring.live_quality import Figure, LiveQuality
from predictor.web.monitoring.live_quality import _rows, _version

SIGNATURE = {"target": "y", "task": "regression", "fields": []}


def quality(*figures: Figure, **more: Any) -> LiveQuality:
    version = ModelVersion(number=3, signature_json=SIGNATURE)
    fields: dict[str, Any] = {
        "n_predictions": 100, "n_actuals": 40, "n_rows": 40, "n_other_classes": 0, "n_unanswered": 0,
        "performance": None, "course": (), "course_of": "mae", **more,
    }  # fmt: skip
    return LiveQuality(version=version, since=timezone.now(), figures=figures, **fields)


@pytest.mark.parametrize(
    ("figure", "verdict", "is_worse"),
    [
        (Figure("mae", 3.0, [2.0, 4.0], 1.0), "worse", True),
        (Figure("mae", 3.0, [2.0, 4.0], 5.0), "better", False),
        (Figure("r2", 0.3, [0.2, 0.4], 0.9), "worse", True),
        (Figure("r2", 0.3, [0.2, 0.4], 0.35), "no clear difference", False),
        (Figure("r2", 0.3, None, 0.35), "", False),
        (Figure("r2", 0.3, [0.2, 0.4], None), "", False),
    ],
)
def test_the_verdict_follows_the_direction_of_the_metric(
    figure: Figure, verdict: str, is_worse: bool
) -> None:
    (row,) = _rows(quality(figure))
    assert (str(row.verdict), row.is_worse) == (verdict, is_worse)


def test_what_was_left_out_is_said() -> None:
    shown = _version(
        quality(Figure("mae", 3.0, None, 1.0), n_other_classes=1, n_unanswered=2, n_actuals=30_000, n_rows=20_000,
                n_predictions=60_000)
    )  # fmt: skip
    assert shown.sentence == "30,000 of 60,000 predictions have an actual value (50 %)."
    assert [each.split(" ")[0] for each in shown.notes] == ["The", "1", "2", "These"]
