from __future__ import annotations

import json

import pytest

from predictor import errors
from predictor.ml.execution.error_json import error_from_json, error_to_json

PROBLEMS = (errors.Problem("Row 3 has 2 cells.", "row 3"), errors.Problem("“é” is no name."))


@pytest.mark.parametrize(
    "kind", [errors.InvalidInput, errors.InvalidTable, errors.RaggedRows, errors.TooLarge, errors.NotServable]
)
def test_an_error_is_the_same_after_json(kind: type[errors.MlwebError]) -> None:
    error = kind("Straße “北京” is refused.", problems=PROBLEMS, limit=100)

    again = error_from_json(json.loads(json.dumps(error_to_json(error))))

    assert type(again) is kind
    assert (str(again), again.message) == ("Straße “北京” is refused.", "Straße “北京” is refused.")
    assert (again.problems, again.limit) == (PROBLEMS, 100)


def test_the_suggested_encoding_is_passed_on() -> None:
    error = errors.UnknownEncoding("The file is not UTF-8.", suggestion="cp1252")

    again = error_from_json(error_to_json(error))

    assert isinstance(again, errors.UnknownEncoding)
    assert again.suggestion == "cp1252"


def test_an_unknown_kind_of_error_becomes_invalid_input() -> None:
    again = error_from_json({"kind": "OfALaterVersion", "message": "It is refused."})

    assert type(again) is errors.InvalidInput
    assert (again.message, again.problems, again.limit) == ("It is refused.", (), None)
