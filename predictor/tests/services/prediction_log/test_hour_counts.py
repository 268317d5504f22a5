from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np

from predictor.ml.metrics.score_bins import SHARE_EDGES
from predictor.models import PredictionHour, PredictionTotal
from predictor.services.prediction_log.hour_counts import CountedRow, HourCounts, moment_of

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def counted(
    total: PredictionTotal, *outputs: dict[str, Any], hour: PredictionHour | None = None
) -> PredictionHour:
    counts = HourCounts(total)
    for output in outputs:
        counts.add(CountedRow("a", 1, 1, "api", json.dumps(output), "[]", 1.0, AT))
    hour = hour or PredictionHour()
    counts.add_to(hour)
    return hour


def test_numbers_are_counted_in_bins_with_their_moments() -> None:
    total = PredictionTotal(edges=[0.0, 1.0, 2.0])
    values = [-1.0, 0.5, 1.0, 1.5, 3.0]

    hour = counted(total, *({"prediction": value} for value in values))

    assert hour.bins == [1, 2, 1, 1]
    assert (hour.score_min, hour.score_max, hour.n_scores) == (-1, 3, 5)
    assert np.isclose(hour.score_sum / 5, np.mean(values))
    assert np.isclose(hour.score_square_sum / 5 - np.mean(values) ** 2, np.var(values))
    assert hour.classes == []


def test_counts_are_added_to_those_of_earlier_rows() -> None:
    total = PredictionTotal(edges=[0.0])
    hour = counted(total, {"prediction": 5.0})

    counted(total, {"prediction": -5.0}, {"prediction": 7.0}, hour=hour)

    assert (hour.n_rows, hour.n_requests, hour.latency_ms_sum) == (3, 3, 3.0)
    assert (hour.bins, hour.score_min, hour.score_max) == ([1, 2], -5, 7)
    assert hour.sources == {"api": 3}


def test_classes_their_sureness_and_the_positive_probability() -> None:
    total = PredictionTotal(classes=["no", "yes"], edges=list(SHARE_EDGES), positive_class="yes")

    hour = counted(
        total,
        {"prediction": "no", "probabilities": {"no": 0.9, "yes": 0.1}},
        {"prediction": "yes", "probabilities": {"no": 0.3, "yes": 0.7}},
        {"prediction": "neither"},
    )

    assert hour.classes == [1, 1, 1]
    assert (hour.n_sure, round(hour.sureness_sum, 9)) == (2, 1.6)
    assert [place for place, n in enumerate(hour.bins) if n] == [1, 13]  # 0.1 and 0.7 of twenty bins


def test_truth_values_are_classes_and_no_numbers() -> None:
    hour = counted(PredictionTotal(classes=[False, True]), {"prediction": True}, {"prediction": False})

    assert hour.classes == [1, 1, 0]
    assert hour.n_scores == 0


def test_the_score_of_an_unusual_row_is_counted() -> None:
    total = PredictionTotal(classes=["usual", "unusual"], edges=list(SHARE_EDGES))

    hour = counted(total, {"prediction": "unusual", "score": 0.99})

    assert (hour.classes, hour.bins[-1], hour.score_max) == ([0, 1, 0], 1, 0.99)


def test_rows_without_an_answer_are_errors() -> None:
    hour = counted(PredictionTotal(), {"prediction": None, "error": "no finite answer"}, {"prediction": 1.0})

    assert (hour.n_rows, hour.n_errors, hour.n_scores) == (2, 1, 1)


def test_scores_whose_squares_are_no_numbers_are_left_out_of_the_moments() -> None:
    total = PredictionTotal(edges=[0.0])
    hour = counted(total, *[{"prediction": 1.5e308}] * 2, {"prediction": 4.0})

    # Their sums would be infinite, and then none: no database stores that.
    counted(total, *[{"prediction": -1.5e308}] * 2, {"prediction": 2.0}, hour=hour)

    assert (hour.n_rows, hour.n_errors) == (6, 0)
    assert (hour.n_scores, hour.score_sum, hour.score_square_sum) == (2, 6.0, 20.0)
    assert (hour.bins, hour.score_min, hour.score_max) == ([0, 2], 2.0, 4.0)


def test_warnings_are_counted_by_row_and_code() -> None:
    counts, hour = HourCounts(PredictionTotal()), PredictionHour()
    for warnings in (
        '[{"code": "missing"}, {"code": "missing"}, {"code": "unseen"}]',
        "[]",
        '[{"code": "unseen"}]',
    ):
        counts.add(CountedRow("a", 1, 2, "form", '{"prediction": 1}', warnings, 1.0, AT))

    counts.add_to(hour)

    assert (hour.n_with_warnings, hour.warnings) == (2, {"missing": 1, "unseen": 2})
    assert (hour.n_requests, hour.sources) == (0, {"form": 3})


def test_a_full_hour_takes_at_most_two_kilobytes() -> None:
    total = PredictionTotal(classes=[f"class {k}" for k in range(50)], edges=[float(k) for k in range(21)])
    hour = counted(total, {"prediction": 1.0})
    hour.classes, hour.bins = [123_456_789] * 51, [123_456_789] * 22
    texts = (hour.classes, hour.bins, {f"source {k}": 123_456_789 for k in range(10)})

    assert sum(len(json.dumps(each)) for each in texts) < 1_500


def test_hours_and_times_are_the_same_from_text_and_from_a_time() -> None:
    row = CountedRow("a", 1, 1, "api", "{}", "[]", 1.0, AT)
    as_text = row._replace(created_at="2026-03-01 12:30:00")
    counts = HourCounts(PredictionTotal())
    for at in ("2026-03-01 12:30:00.5", "2026-03-01 12:30:00"):
        counts.add(row._replace(created_at=at))

    assert moment_of(row.hour) == moment_of(as_text.hour) == AT.replace(minute=0)
    assert moment_of(as_text.created_at) == AT
    assert counts.last_at == AT.replace(microsecond=500_000)
