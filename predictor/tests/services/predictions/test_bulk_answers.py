"""Bulk answers say the same as row answers; the labels in their text."""

from __future__ import annotations

import csv
import json
from typing import Any

import numpy as np
import pytest

from predictor.ml.inputs.row_checker import CheckedRows
from predictor.ml.inputs.row_chunks import BulkChunk
from predictor.ml.types.schema import Signature, Task
from predictor.services.predictions import row_answers
from predictor.services.predictions.bulk_answers import BulkAnswerer
from predictor.services.predictions.loaded_versions import LoadedVersion

from .stub_predictor import CASES, Stub, served


@pytest.mark.parametrize("case", CASES)
def test_a_bulk_answer_says_the_same_as_the_answer_of_a_row(case: str) -> None:
    version, n = served(case)
    by_row = row_answers.answers(version, CheckedRows({}, ((),) * n, n))
    bulk = BulkAnswerer(version, is_neutralised=False)
    answers = bulk.answer(BulkChunk(1, [""] * n, range(n), {}, ["{}"] * n, {}, {}))
    assert [json.loads(each) for each in answers.outputs] == [each.output for each in by_row]
    assert [f"{{{each}}}" for each in answers.members] == list(answers.outputs)
    assert answers.n_without == sum(bool(each.error) for each in by_row) > 0
    for cells, each in zip(csv.reader(f"{each}," for each in answers.cells), by_row, strict=True):
        interval, kept = each.interval or {}, (each.prediction_set or {}).get("classes", ())
        values = {
            "prediction": each.prediction,
            **{f"probability_{name}": share for name, share in (each.probabilities or {}).items()},
            "score": each.score,
            "interval_low": interval.get("low"),
            "interval_high": interval.get("high"),
            "prediction_set": "; ".join(map(str, kept)) or None,
        }
        expected = [*map(values.get, bulk.added), None]  # the last is for the warnings
        assert [bulk.value_of(place, cell) for place, cell in enumerate(cells)] == expected


def answers_of(classes: tuple[Any, ...], *, is_neutralised: bool) -> tuple[list[str], list[str]]:
    """The CSV cells and the JSON members of one row for each class, without prediction sets."""
    n = len(classes)
    signature = Signature("y", Task.MULTICLASS, (), classes=classes)
    predictor: Any = Stub(signature, {"probabilities": np.eye(n), "codes": np.arange(n)})
    version = LoadedVersion(signature, None, predictor)
    chunk = BulkChunk(1, [""] * n, range(n), {}, ["{}"] * n, {}, {})
    answers = BulkAnswerer(version, is_neutralised=is_neutralised).answer(chunk)
    return [each.split(",")[0] for each in answers.cells], [each.split(",")[0] for each in answers.members]


@pytest.mark.parametrize("is_neutralised", [True, False])
@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        ((False, True), ["false", "true"]),
        (("False", "TRUE"), ["False", "TRUE"]),
        ((1, 2, 3), ["1", "2", "3"]),
        ((1.0, 2.0), ["1.0", "2.0"]),
        (("+", "-"), ["+", "-"]),
    ],
)
def test_labels_are_written_as_in_the_data(
    classes: tuple[Any, ...], labels: list[str], is_neutralised: bool
) -> None:
    assert answers_of(classes, is_neutralised=is_neutralised)[0] == labels


def test_truth_values_are_written_as_the_data_writes_them_and_stay_truth_values_in_json() -> None:
    signature = Signature("y", Task.BINARY, (), classes=(False, True), class_texts=("False", "True"))
    arrays: dict[str, Any] = {
        "probabilities": np.eye(2), "codes": np.arange(2), "is_in_set": np.array([[True, True], [False, True]]),
    }  # fmt: skip
    predictor: Any = Stub(signature, arrays)
    chunk = BulkChunk(1, [""] * 2, range(2), {}, ["{}"] * 2, {}, {})

    answers = BulkAnswerer(LoadedVersion(signature, None, predictor), 0.9).answer(chunk)

    assert list(answers.cells) == ["False,1.0,0.0,False; True", "True,0.0,1.0,True"]
    assert [json.loads(f"{{{each}}}")["prediction"] for each in answers.members] == [False, True]
    assert json.loads(f"{{{answers.members[0]}}}")["set"]["classes"] == [False, True]


def test_labels_in_json_keep_their_type() -> None:
    assert answers_of((False, True), is_neutralised=False)[1] == ['"prediction":false', '"prediction":true']
