from __future__ import annotations

from typing import Any

import pytest

from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.web.pages.value_texts import date_text, day, number_of, range_words, text_of, value_of
from predictor.web.predictions.row_form import RowForm, Slider

GERMAN = FeatureField(
    "preis",
    Role.NUMERIC,
    minimum=12.5,
    maximum=98765.5,
    typical=1234.5,
    reading=Reading(ValueKind.NUMBER, ",", ".", missing=("k.a.",)),
)
PLAIN = FeatureField("x", Role.NUMERIC, minimum=0.0, maximum=10.0, typical=1.5)
SIGNATURE = Signature("y", Task.REGRESSION, (GERMAN, PLAIN))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,5", 1234.5),
        ("1.234", 1234),
        ("0,5 €", 0.5),
        ("(4)", -4),
        ("1.5", 1.5),  # no number of the data's writing, and one of programs
        ("k.A.", None),
        ("#DIV/0!", None),
        ("", None),
        ("soon", "soon"),
    ],
)
def test_a_form_reads_numbers_as_the_column_is_written(text: str, value: Any) -> None:
    assert value_of(GERMAN, text) == value


def test_a_column_without_a_reading_takes_numbers_as_before() -> None:
    assert [value_of(PLAIN, text) for text in ("1.5", "1.234", "1,5")] == [1.5, 1.234, "1,5"]


@pytest.mark.parametrize("value", [1234.5, 0.001, 1e-7, 12, -3.25, 1234567.0, 1e16])
def test_a_value_survives_its_form(value: float) -> None:
    text = text_of(GERMAN, value)

    assert value_of(GERMAN, text) == value
    assert "." not in text


def test_a_text_in_a_logged_row_stays_as_it_was_sent() -> None:
    assert text_of(GERMAN, "1,234") == "1,234"


def test_ranges_are_shown_as_the_data_is_written() -> None:
    dated = FeatureField(
        "tag",
        Role.DATETIME,
        minimum="2024-01-01",
        maximum="2024-02-01",
        reading=Reading(ValueKind.DATE, dates=("D.M.Y",)),
    )

    assert range_words(GERMAN) == ["12,5 to 98.766"]  # to five digits, as all ranges
    assert range_words(dated) == ["2024-01-01 to 2024-02-01", "in the data as D.M.Y"]
    assert range_words(PLAIN) == ["0 to 10"]


def test_a_slider_sends_plain_numbers_which_the_form_writes_as_the_data() -> None:
    form = RowForm.from_post(SIGNATURE, {"f0": "1.234,5", "f1": "2"})
    shown = form.inputs[0]

    assert shown.slider == Slider("12.5", "98765.5", "any")
    assert (shown.slider_name, shown.slider_value) == ("0-plain", "1234.5")
    assert (form.inputs[1].slider_name, form.inputs[1].slider_value) == ("1", "2")
    changed = form.changed({"w0-plain": "1.5", "w1": "3"}, "w")
    assert changed.row == {"preis": 1.5, "x": 3}
    assert [each.text for each in changed.inputs] == ["1,5", "3"]
    again = form.changed({"w0-plain": "1.234"}, "w")
    assert again.row == {"preis": 1.234, "x": 2}


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


def test_a_text_of_digits_takes_no_more_time_than_its_length() -> None:
    """Where a run of digits could be divided among two parts of the pattern, this would take minutes."""
    text = "1" * 300_000 + "!"
    assert number_of(text) == text
