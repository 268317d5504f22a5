"""Partial dependence on the version page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from predictor.ml.types.schema import Role
from predictor.models import ModelVersion, User
from predictor.tests.web.prediction_pages import url
from predictor.tests.web.served_versions import EVIL_NUMBER, EVIL_TEXT
from predictor.web.evaluation.partial_dependence import DependenceView


def test_the_page_shows_the_first_column_and_others_on_request(
    client: Client, viewer: User, version: ModelVersion
) -> None:
    client.force_login(viewer)
    address = url("version-explain", "churn", 1)

    page = client.get(address).content.decode()
    other = client.get(address, {"column": "3"}, headers={"HX-Request": "true"}).content.decode()
    without_script = client.get(address, {"column": "3"}).content.decode()

    assert "Mean probability of &lt;b&gt;leave&lt;/b&gt; for each value of age" in page
    assert EVIL_NUMBER not in page
    assert "1 column without a curve: free text has no values to go through</summary>" in page
    assert EVIL_TEXT in page[page.index("without a curve") :]
    assert "<html" not in other
    for text in (other, without_script):
        assert "for each value of plan" in text
        assert "missing (" in text


@pytest.mark.parametrize("asked", [{}, {"column": "99", "class": "x"}, {"column": "-1"}, {"column": "٣"}])
def test_an_invalid_choice_shows_the_first_column(asked: dict[str, str], version: ModelVersion) -> None:
    view = DependenceView(version.evaluation, "y", asked)

    assert view.feature is not None
    assert view.feature["column"] == "age"


def test_a_version_without_curves_has_no_such_part(
    client: Client, viewer: User, linear: ModelVersion
) -> None:
    client.force_login(viewer)

    assert "dependence-part" not in client.get(url("version-explain", "article", 1)).content.decode()


def curve(name: str | None, *mean: float) -> dict[str, Any]:
    return {"class": name, "mean": list(mean), "low": list(mean), "high": list(mean), "lines": [list(mean)]}


def document(role: Role, grid: list[Any], **more: Any) -> dict[str, Any]:
    values = [0.1 * place for place in range(len(grid))]
    curves = [curve(name, *values) for name in ("a", "b", "c")]
    feature = {"column": "x", "role": role.value, "grid": grid, "curves": curves, **more}
    return {"dependence": {"n_rows": 9, "classes": ["a", "b", "c"], "features": [feature], "skipped": []}}


def test_of_several_classes_all_means_or_the_lines_of_one_are_drawn() -> None:
    report = document(Role.NUMERIC, [1.0, 2.0, None], marks=[1.0, 2.0])
    together, alone = DependenceView(report, "y", {}), DependenceView(report, "y", {"class": "1"})

    assert together.chart
    assert alone.chart
    assert [each["name"] for each in together.chart.data["series"]] == ["a", "b", "c"]
    assert together.at_missing == "a: 20 %, b: 20 %, c: 20 %"
    assert [each["name"] for each in alone.chart.data["series"]] == ["mean", "single rows"]
    assert alone.chart.data["series"][0]["points"] == [[1.0, 0.0], [2.0, 0.1]]
    assert alone.answer_words == "probability of b"
    assert alone.at_missing == "20 %"


def test_levels_are_dots_with_their_counts() -> None:
    view = DependenceView(document(Role.BOOLEAN, [False, True, None], counts=[4, 5, 1]), "y", {"class": "0"})

    assert view.chart is not None
    assert view.chart.kind == "dots"
    assert view.chart.data["labels"] == ["No (4)", "Yes (5)", "missing (1)"]
    assert view.at_missing == ""


PROOF = {"column": "age", "direction": "increasing", "n_rows": 200, "n_values": 68, "holds": True}
HOLDS = (
    "age: the probability of “&lt;b&gt;leave&lt;/b&gt;” never falls when it rises; checked for 200 rows at 68"
)


def test_the_curve_of_a_column_with_one_direction_says_so(
    client: Client, viewer: User, version: ModelVersion
) -> None:
    client.force_login(viewer)
    curves, columns = url("version-explain", "churn", 1), url("version-data", "churn", 1)
    assert "Columns with one direction" not in client.get(columns).text

    version.evaluation["monotone"] = [PROOF]
    version.save()

    page = client.get(columns).text
    assert page.count(HOLDS) == 1
    assert "Columns with one direction" in page
    assert client.get(curves).text.count(HOLDS) == 1
    assert HOLDS not in client.get(curves, {"column": "3"}, headers={"HX-Request": "true"}).text
