from __future__ import annotations

from typing import Any

import pytest

from predictor.errors import InvalidInput
from predictor.ml.types.field_settings import FieldSetting, FieldSettings
from predictor.ml.types.schema import FeatureField, Role, Signature, Task

SIGNATURE = Signature(
    target="y",
    task=Task.REGRESSION,
    fields=(
        FeatureField("age", Role.NUMERIC, typical=40.0),
        FeatureField("a/b~c", Role.CATEGORICAL, typical="x", levels=("x", "z")),
        FeatureField("note", Role.TEXT),
    ),
)
WHOLE = {
    "label": "Age", "unit": "years", "help": "As of today", "order": 2, "hidden": True, "immutable": True,
    "locked": 30, "minimum": 18.0, "maximum": 99.0, "choices": ["20", "30"],
}  # fmt: skip


def test_a_setting_survives_its_json_and_says_only_what_is_set() -> None:
    assert FieldSetting.from_json(WHOLE).to_json() == WHOLE
    assert FieldSetting.from_json({"label": "", "hidden": False, "minimum": None}).to_json() == {}
    assert FieldSetting.from_json({"locked": None}).to_json() == {"locked": None}


@pytest.mark.parametrize(
    "entry",
    [
        {"labl": "x"}, {"label": 3}, {"label": "x" * 121}, {"help": "a\x00b"}, {"order": True}, {"order": -1},
        {"order": 10_000}, {"hidden": "yes"}, {"minimum": "1"}, {"minimum": float("nan")}, {"minimum": 10**400},
        {"minimum": 2, "maximum": 1}, {"locked": [1]}, {"locked": float("inf")}, {"locked": "x" * 201},
        {"choices": "ab"}, {"choices": [""]}, {"choices": [None]}, {"choices": ["x"] * 101},
    ],
)  # fmt: skip
def test_a_faulty_setting_is_refused_with_its_column(entry: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        FieldSettings.from_json({"good": {"label": "G"}, "a/b": entry})

    assert [each.pointer for each in caught.value.problems] == ["/fields/a~1b"]


def test_values_outside_of_range_and_choices_are_faults() -> None:
    settings = FieldSettings.from_json(
        {"age": {"minimum": 18, "maximum": 99}, "a/b~c": {"choices": ["x", "1"]}}
    )

    def pointers(row: dict[str, Any]) -> list[str]:
        return [each.pointer for each in settings.problems(row, SIGNATURE.names)]

    assert pointers({"age": 18, "a/b~c": "x"}) == []
    assert pointers({"age": 99.5, "a/b~c": "z"}) == ["/rows/0/age", "/rows/0/a~1b~0c"]
    assert pointers({"age": None, "a/b~c": None}) == []
    assert pointers({"age": "much", "a/b~c": 1.0}) == []  # what is no number is the service's to refuse


def test_what_is_not_asked_for_gets_the_locked_or_the_typical_value() -> None:
    settings = FieldSettings.from_json({"age": {"hidden": True}, "note": {"locked": "n"}})

    assert settings.fixed(SIGNATURE) == {"age": 40.0, "note": "n"}
    assert settings.fixed(SIGNATURE, ["note"]) == {"age": 40.0, "a/b~c": "x", "note": "n"}
    assert FieldSettings().fixed(SIGNATURE) == {}


def test_fixed_columns_are_immutable_too() -> None:
    settings = FieldSettings.from_json({"age": {"immutable": True}, "note": {"locked": None}})

    assert settings.immutable(SIGNATURE) == ["age", "note"]
