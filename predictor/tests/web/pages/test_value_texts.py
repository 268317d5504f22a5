from __future__ import annotations

import pytest

from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.schema import FeatureField, Role
from predictor.web.pages.value_texts import date_text, day, range_words

BERLIN = Reading(ValueKind.DATE, dates=("Y-M-D",), zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("2024-05-11T00:00:00+02:00", "2024-05-11"),
        ("2024-05-11T08:30:00-03:30", "2024-05-11T08:30:00"),
        ("2024-05-11T00:00:00", "2024-05-11"),
        ("2024-05-11", "2024-05-11"),
    ],
)
def test_a_day_is_shown_without_midnight_and_offset(text: str, right: str) -> None:
    assert day(text) == right


def test_a_date_picker_gets_local_time_of_the_zone() -> None:
    bounds = ("2024-05-11T00:00:00+02:00", "2024-05-13T00:00:00+02:00")
    ahead = FeatureField("d", Role.DATETIME, minimum=bounds[0], maximum=bounds[1], reading=BERLIN)

    assert date_text(ahead, "2024-05-11T00:00:00+02:00") == "2024-05-11"
    assert date_text(ahead, "2024-05-10T22:00:00Z") == "2024-05-11"
    assert range_words(ahead) == ["2024-05-11 to 2024-05-13"]


def test_a_field_without_a_zone_is_in_utc() -> None:
    field = FeatureField("d", Role.DATETIME, minimum="2024-01-01T10:00:00", maximum="2024-01-02T10:00:00")
    assert date_text(field, "2024-05-11T00:00:00+02:00") == "2024-05-10T22:00:00"
