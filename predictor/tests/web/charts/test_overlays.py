from __future__ import annotations

import pytest

from predictor.web.charts.chart import Chart
from predictor.web.charts.overlays import MAX_GROUPS, SeriesGroup, overlaid

EMPTY = Chart(
    "roc", "line", {"x": "false alarms", "xRange": [0, 1], "yRange": [0, 1]}, "ROC", "ROC curves", ""
)


def test_each_version_has_its_colour_and_its_second_series_is_dashed() -> None:
    curve = [[0, 0], [1, 1]]
    both = [{"name": "a", "points": curve}, {"name": "b", "points": curve}]

    chart = overlaid(
        [SeriesGroup("v3", 3, [{"name": "a", "points": curve}]), SeriesGroup("v5", 5, both)], chart=EMPTY
    )

    assert [(key.name, key.look) for key in chart.keys] == [
        ("v3", "is-line slot-3"), ("v5, a", "is-line slot-5"), ("v5, b", "is-line is-dashed slot-5")
    ]  # fmt: skip
    assert chart.data["x"] == "false alarms"
    assert "slot-5" in chart.svg


def test_more_versions_than_can_be_told_apart_are_refused() -> None:
    groups = [SeriesGroup(f"v{n}", n, []) for n in range(1, MAX_GROUPS + 2)]
    with pytest.raises(ValueError, match="At most 10 versions"):
        overlaid(groups, chart=EMPTY)
