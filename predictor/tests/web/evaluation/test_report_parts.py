from __future__ import annotations

from typing import Any

import pytest

from predictor.web.evaluation.report_parts import Decision


def decision(**numbers: float) -> Decision:
    more: dict[str, Any] = {"reason": "", "note": "", "warning": "", "can_change": False, "chart": None}
    return Decision(threshold=0.5, positive="yes", is_chosen=False, numbers=numbers, **more)


@pytest.mark.parametrize(
    ("found", "missed", "alarms", "passed", "expected"),
    [(7, 3, 2, 8, (10, 10)), (7.5, 0.4, 2.25, 8.5, (7.9, 10.75))],
)
def test_the_rows_of_both_classes_are_sums_that_keep_their_fractions(
    found: float, missed: float, alarms: float, passed: float, expected: tuple[float, float]
) -> None:
    shown = decision(true_positive=found, false_negative=missed, false_positive=alarms, true_negative=passed)
    assert (shown.n_positive, shown.n_negative) == pytest.approx(expected)
