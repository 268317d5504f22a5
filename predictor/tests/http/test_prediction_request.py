"""The body of a prediction request: which series a forecast is for."""

from __future__ import annotations

from typing import Any

import pytest

from predictor.errors import InvalidInput
from predictor.http.prediction_request import read_prediction_request


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("north", "north"),
        ("3.0", "3.0"),
        (3, "3"),
        (3.0, "3"),
        (2.5, "2.5"),
        (-1, "-1"),
        (True, "true"),
        (None, None),
    ],
)
def test_a_series_is_named_by_text_or_by_a_number_as_in_the_rows(group: Any, name: str | None) -> None:
    _, options = read_prediction_request({"horizon": 1, "group": group})

    assert options.group == name


@pytest.mark.parametrize(
    "body", [{"horizon": 1, "group": ["3"]}, {"horizon": 1, "group": {}}, {"rows": [], "group": 3}]
)
def test_other_names_of_a_series_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="name of a series, beside a") as refused:
        read_prediction_request(body)

    assert refused.value.problems[0].pointer == "/group"
