from __future__ import annotations

from typing import Any

import pytest

from predictor.errors import InvalidInput
from predictor.ml.types.reading import KINDS_OF_VALUES, Reading, ValueKind
from predictor.ml.types.reading_choice import MAX_LOST_SHARE, ReadingChoice, checked_share
from predictor.ml.types.schema import Role

NUMBER, DATE, BOOLEAN = KINDS_OF_VALUES


@pytest.mark.parametrize(
    ("data", "reading"),
    [
        ({"kind": "number", "decimal": ","}, Reading(NUMBER, ",")),
        ({"kind": "number", "thousands": "."}, Reading(NUMBER, ",", ".")),
        ({"kind": "number", "codes": True}, Reading(NUMBER, codes=True)),
        (
            {"kind": "number", "thousands": "'", "missing": [" K.A. ", "k.a.", ""]},
            Reading(NUMBER, ".", "'", missing=("k.a.",)),
        ),
        ({"kind": "date", "dates": ["D/M/Y", "Y-M-D"]}, Reading(DATE, dates=("D/M/Y", "Y-M-D"))),
        ({"kind": "boolean", "true": ["Aktiv"], "false": ["Ruht"]}, Reading(BOOLEAN, true=("aktiv",), false=("ruht",))),
    ],
)  # fmt: skip
def test_the_parts_of_a_reading_are_taken(data: dict[str, Any], reading: Reading) -> None:
    assert ReadingChoice.from_json(data) == ReadingChoice(reading.kind, reading)


@pytest.mark.parametrize("kind", ["number", "date"])
def test_without_parts_the_reading_is_found(kind: str) -> None:
    choice = ReadingChoice.from_json({"kind": kind, "decimal": None})

    assert (choice.kind, choice.reading, choice.beside) == (ValueKind(kind), None, {"missing": ()})


def test_words_for_missing_do_not_need_marks() -> None:
    choice = ReadingChoice.from_json({"kind": "date", "missing": ["Never"]})

    assert (choice.kind, choice.reading, choice.beside) == (DATE, None, {"missing": ("never",)})


def test_text_can_have_a_role_of_text() -> None:
    assert ReadingChoice.from_json({"kind": "text"}) == ReadingChoice(None)
    assert ReadingChoice.from_json({"kind": "text", "role": "identifier"}) == ReadingChoice(
        None, role=Role.IDENTIFIER
    )


def test_categories_can_be_joined_and_words_taken_as_missing() -> None:
    data = {
        "kind": "text",
        "ignores": ["numbers", "case"],
        "missing": [" N.A. ", "k.  A."],
        "spellings": ["Yes"],
    }

    # Spellings are those of the column: given ones are not used.
    assert ReadingChoice.from_json(data) == ReadingChoice(
        None, Reading(ValueKind.TEXT, ignores=("case", "numbers"), missing=("n.a.", "k. a."))
    )
    assert ReadingChoice.from_json({"kind": "text", "ignores": [], "missing": []}) == ReadingChoice(None)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "kind"),
        ({"kind": "colour"}, "kind"),
        ({"kind": ["number"]}, "kind"),
        ({"kind": "number", "decimal": ";"}, "decimal"),
        ({"kind": "number", "decimal": ["."]}, "decimal"),
        ({"kind": "number", "decimal": ",", "thousands": ","}, "thousands"),
        ({"kind": "number", "thousands": "_"}, "thousands"),
        ({"kind": "number", "dates": ["Y-M-D"]}, "dates"),
        ({"kind": "number", "marks": ","}, "marks"),
        ({"kind": "number", "codes": "yes"}, "codes"),
        ({"kind": "date", "codes": True}, "codes"),
        ({"kind": "date", "dates": []}, "dates"),
        ({"kind": "date", "dates": "Y-M-D"}, "dates"),
        ({"kind": "date", "dates": ["Q/Y"]}, "dates"),
        ({"kind": "number", "missing": "NA"}, "missing"),
        ({"kind": "number", "missing": [1]}, "missing"),
        ({"kind": "number", "missing": [str(n) for n in range(101)]}, "missing"),
        ({"kind": "number", "missing": ["x" * 101]}, "missing"),
        ({"kind": "boolean", "true": ["a"], "false": ["A"]}, "true"),
        ({"kind": "text", "decimal": ","}, "decimal"),
        ({"kind": "text", "role": "numeric"}, "role"),
        ({"kind": "text", "role": "text", "ignores": ["case"]}, "role"),
        ({"kind": "text", "ignores": "case"}, "ignores"),
        ({"kind": "text", "ignores": ["accents"]}, "ignores"),
        ({"kind": "number", "ignores": ["case"]}, "ignores"),
        ({"kind": "date", "spellings": ["x"]}, "spellings"),
    ],
)
def test_a_reading_that_cannot_be_is_refused_with_its_field(data: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        ReadingChoice.from_json(data)

    assert caught.value.field == field


@pytest.mark.parametrize(("share", "checked"), [(None, MAX_LOST_SHARE), (0, 0.0), (1, 1.0), (0.4, 0.4)])
def test_a_share_lies_between_nothing_and_all(share: Any, checked: float) -> None:
    assert checked_share(share) == checked


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan"), True, "0.5"])
def test_another_share_is_refused(share: Any) -> None:
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        checked_share(share)
