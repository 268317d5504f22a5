from __future__ import annotations

import pytest

from predictor.web.charts.kinds import plot_of, seconds
from predictor.web.charts.plots import MatrixPlot, RowPlot, XYPlot


def test_a_line_chart_has_marks_for_series_bands_rug_and_diagonal() -> None:
    plot = plot_of(
        "line",
        {
            "series": [
                {"name": "a", "points": [[0, 1], [1, None], [None, 3]]},
                {"name": "b", "points": [[0, 2]], "slot": 7},
            ],
            "bands": [{"name": "c", "points": [[0, 1, 2]]}],
            "rug": [0.5],
            "diagonal": True,
            "xRange": [0, 1],
            "yRange": [0, 1],
        },
    )

    assert isinstance(plot, XYPlot)
    assert [(mark.kind, mark.slot) for mark in plot.marks] == [
        ("line", 1),
        ("line", 7),
        ("band", 2),
        ("rug", 1),
        ("reference", 1),
    ]
    assert plot.marks[0].points == [[0.0, 1.0], [1.0, None]]
    assert plot.marks[-1].points == [[0, 0], [1, 1]]
    assert plot.x.ends == (0, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-02", 86_400.0),
        ("1970-01-01T01:00:00", 3600.0),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("first", None),
        (12, 12.0),
        (float("nan"), None),
    ],
)
def test_dates_are_seconds_of_utc(text: object, expected: float | None) -> None:
    assert seconds(text) == expected


def test_what_is_no_finite_number_is_a_gap() -> None:
    plot = plot_of("line", {"series": [{"points": [[0, float("nan")], [1, "x"], [2, True]]}]})

    assert isinstance(plot, XYPlot)
    assert [point[1] for point in plot.marks[0].points] == [None, None, None]


def test_bars_and_dots_are_rows_and_ranges_belong_to_a_single_series() -> None:
    one = plot_of("bar", {"labels": ["a"], "series": [{"values": [1]}], "errors": [[0.5, 1.5]]})
    two = plot_of("dots", {"labels": ["a"], "series": [{"values": [1]}, {"values": [2]}], "ranges": [[0, 1]]})

    assert isinstance(one, RowPlot)
    assert isinstance(two, RowPlot)
    assert (one.shape, one.ranges) == ("bar", [(0.5, 1.5)])
    assert (two.shape, two.ranges) == ("dot", ())


def test_a_matrix_is_shaded_by_the_share_of_its_row() -> None:
    plot = plot_of("heatmap", {"rows": ["a", "b"], "columns": ["a", "b"], "values": [[3, 1], [0, 0]]})

    assert isinstance(plot, MatrixPlot)
    assert plot.shares == [[0.75, 0.25], [0.0, 0.0]]
