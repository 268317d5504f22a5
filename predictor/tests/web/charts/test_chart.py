"""The drawing of each kind, read back as XML: where marks are, which texts there are, no markup from data."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string

from predictor.web.charts.chart import Chart

EVIL = '<script>alert("1")</script>&'
ROC = {
    "series": [{"name": "yes", "points": [[0, 0], [0.25, 0.5], [1, 1]]}],
    "diagonal": True,
    "x": "false alarms",
    "y": "found",
    "xRange": [0, 1],
    "yRange": [0, 1],
}
DATA: dict[str, dict[str, Any]] = {
    "line": ROC,
    "scatter": {"series": [{"name": "a", "points": [[0, 0], [1, 1]]}], "x": EVIL, "y": EVIL},
    "histogram": {
        "bins": [{"low": 0, "high": 1, "count": 3}, {"low": 1, "high": 2, "count": 1}],
        "x": "x",
        "y": "rows",
    },
    "bar": {
        "labels": ["a", EVIL],
        "series": [{"name": EVIL, "values": [1, -1]}],
        "errors": [[0, 2], [-2, 0]],
        "x": "x",
    },
    "dots": {
        "labels": ["a", "b"],
        "series": [{"name": "m", "values": [1, None]}],
        "ranges": [[0, 2], [None, None]],
    },
    "heatmap": {
        "rows": ["a", EVIL],
        "columns": ["a", EVIL],
        "values": [[1, 2], [3, 4]],
        "x": "predicted",
        "y": "actual",
    },
}


def chart(kind: str, data: dict[str, Any], **more: Any) -> Chart:
    return Chart("it", kind, data, "Title", "What it shows", "", **more)


def drawn(each: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(each.svg)


def texts(root: ElementTree.Element) -> list[str]:
    return [str(each.text) for each in root.iter("text")]


@pytest.mark.parametrize("kind", DATA)
def test_each_kind_is_an_image_with_words_and_no_markup_of_the_data(kind: str) -> None:
    each = chart(kind, DATA[kind])
    root = drawn(each)
    page = render_to_string("includes/_chart.html", {"chart": each})

    assert root.get("role") == "img"
    title = next(root.iter("title"))
    assert title.text == "What it shows"
    assert title.get("id") in str(root.get("aria-labelledby"))
    assert not list(root.iter("script"))
    assert "<script" not in page
    assert "style=" not in page
    assert "<th scope=" in page


def test_a_line_is_a_path_in_a_drawing_that_is_stretched_to_the_width() -> None:
    root = drawn(chart("line", ROC, size="square"))
    path = next(each for each in root.iter("path") if "plot-line" in str(each.get("class")))

    # 26 px of room above for the title of the axis, and 300 px for the values from 1 to 0.
    assert path.get("d") == "M0 326L250 176L1000 26"
    assert texts(root) == [
        "0.0",
        "0.2",
        "0.4",
        "0.6",
        "0.8",
        "1.0",
        "0.0",
        "0.2",
        "0.4",
        "0.6",
        "0.8",
        "1.0",
        "found",
        "false alarms",
    ]
    diagonal = next(each for each in root.iter("line") if each.get("class") == "plot-reference")
    assert [diagonal.get(name) for name in ("x1", "y1", "x2", "y2")] == ["0%", "326", "100%", "26"]


def test_a_missing_value_is_a_gap() -> None:
    data = {
        "series": [{"name": "a", "points": [[0, 0], [1, None], [2, 0], [3, 1]]}],
        "xRange": [0, 4],
        "yRange": [0, 1],
    }
    path = next(
        each for each in drawn(chart("line", data)).iter("path") if "plot-line" in str(each.get("class"))
    )

    assert path.get("d") == "M0 270M500 270L750 10"


def test_bars_of_a_histogram_cover_their_range() -> None:
    first, second = (each for each in drawn(chart("histogram", DATA["histogram"])).iter("rect"))

    assert (first.get("x"), first.get("width"), second.get("x")) == ("0%", "50%", "50%")
    # Three rows at 260 px are the top of the axis from 0 to 3.
    assert (first.get("y"), first.get("height")) == ("26", "260")


def test_a_bar_below_zero_ends_at_zero() -> None:
    up, down = drawn(chart("bar", {"labels": ["a", "b"], "series": [{"values": [1, -1]}]})).iter("rect")

    # The axis goes 3 % of the range beyond both values.
    assert (up.get("x"), up.get("width")) == ("50%", "47.17%")
    assert (down.get("x"), down.get("width")) == ("2.83%", "47.17%")


def test_long_labels_are_whole_and_wrapped() -> None:
    label = "the monthly charges of a customer in EUR without value added tax and without any discount"
    root = drawn(chart("bar", {"labels": [label], "series": [{"values": [1]}]}))

    written = [each.text or "" for each in root.iter("text") if each.get("class") == "plot-label"]
    assert len(written) > 1
    assert " ".join(written) == label


def test_many_long_classes_are_numbered_at_rows_and_columns() -> None:
    names = [f"a class with a long name, number {place}" for place in range(5)]
    root = drawn(chart("heatmap", {"rows": names, "columns": names, "values": [[1] * 5] * 5}))

    written = [each.text for each in root.iter("text") if each.get("class") == "plot-label"]
    assert [f"{place} {name}" for place, name in enumerate(names, 1)] == written[:5]
    assert written[5:] == ["1", "2", "3", "4", "5"]


def test_the_document_of_the_script_has_all_points_and_one_chart_with_categories_has_none() -> None:
    points = [[place, place / 3] for place in range(10_000)]
    each = chart("line", {"series": [{"name": "a", "points": points}]})
    document = json.loads(each.document)

    assert len(document["marks"][0]["points"]) == 10_000
    assert document["marks"][0]["points"][1] == [1, 0.3333333]
    assert len(each.svg) < 60_000
    assert each.n_left_out == 10_000 - 60
    assert chart("bar", DATA["bar"]).document == ""


def test_the_legend_names_several_series_and_leaves_out_faint_ones() -> None:
    data = {
        "series": [
            {"name": "a", "points": [[0, 1]]},
            {"name": "b", "points": [[0, 1]], "dashed": True},
            {"name": "c", "points": [[0, 1]], "faint": True},
        ],
        "bands": [{"name": "Interval", "points": [[0, 1, 2]]}],
    }

    keys = chart("line", data).keys
    assert [(key.name, key.look) for key in keys] == [
        ("a", "is-line slot-1"),
        ("b", "is-line is-dashed slot-2"),
        ("Interval", "is-band slot-2"),
    ]
    assert chart("line", ROC).keys == []


@pytest.mark.parametrize("kind", ["line", "scatter", "bar", "dots"])
def test_a_chart_without_a_value_is_drawn(kind: str) -> None:
    data: dict[str, Any] = {"series": [], "labels": []}
    assert drawn(chart(kind, data)).get("role") == "img"
