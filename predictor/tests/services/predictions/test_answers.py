"""Row answers and bulk answers are made of the same arrays and say the same."""

from __future__ import annotations

import csv
import json
from typing import Any

import numpy as np
import pytest

from predictor.errors import TookTooLong
from predictor.ml.inference.predicted_rows import PredictedRows
from predictor.ml.inputs.row_checker import CheckedRows
from predictor.ml.inputs.row_chunks import BulkChunk
from predictor.ml.types.schema import Signature, Task
from predictor.services.predictions import row_answers
from predictor.services.predictions.bulk_answers import BulkAnswerer
from predictor.services.predictions.loaded_versions import LoadedVersion

NAN = np.nan
NUMBERS = np.array([-0.39999998, 1e-9, NAN, 1234567.8, 12345678.0, 1e20, -np.inf, 0.0])
SHARES = np.array([[0.25, 0.75], [0.123456789, 0.876543211], [NAN, 1.0], [1.0, 0.0]])
CASES = {
    "values": (Signature("y", Task.REGRESSION, ()), {"values": NUMBERS}),
    "intervals": (
        Signature("y", Task.REGRESSION, ()),
        {"values": NUMBERS, "intervals": (NUMBERS - 1 / 3, NUMBERS + 1 / 3)},
    ),
    "scores": (
        Signature("", Task.ANOMALY, ()),
        {"scores": NUMBERS, "codes": (np.nan_to_num(NUMBERS) > 0).astype(np.intp)},
    ),
    "clusters": (
        Signature("", Task.CLUSTERING, (), ("Cluster 1", "Cluster 2")),
        {"probabilities": SHARES, "codes": np.array([1, 1, 0, 0])},
    ),
    "sets": (
        Signature("y", Task.BINARY, (), ('=a, "b"', "c")),
        {"probabilities": SHARES, "codes": np.array([1, 1, 0, 0]), "is_in_set": SHARES >= 0.2},
    ),
}


class Stub:
    """A predictor that gives these arrays."""

    def __init__(self, signature: Signature, arrays: dict[str, Any]):
        self.signature, self._arrays = signature, arrays
        self.has_intervals = not arrays.keys().isdisjoint({"intervals", "is_in_set"})
        self.can_explain = True

    def answer(self, columns: Any, coverage: float, **options: Any) -> PredictedRows:
        if options.get("explain"):
            options["check_time"]()
        return PredictedRows(coverage, **self._arrays)


def served(case: str) -> tuple[LoadedVersion, int]:
    signature, arrays = CASES[case]
    version = LoadedVersion(signature, None, Stub(signature, arrays))  # type: ignore[arg-type]
    return version, len(next(iter(arrays.values())))


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


def test_numbers_are_given_with_seven_digits_and_none_where_they_are_not_finite() -> None:
    version, n = served("values")
    answers = row_answers.answers(version, CheckedRows({}, ((),) * n, n))
    assert [each.prediction for each in answers] == [-0.4, 1e-9, None, 1234568.0, 12345680.0, 1e20, None, 0.0]
    assert {each.error for each in answers if each.prediction is None} == {row_answers.NOT_A_NUMBER}


def test_a_set_names_its_classes_and_its_coverage() -> None:
    version, n = served("sets")
    first, second, odd, last = row_answers.answers(version, CheckedRows({}, ((),) * n, n), coverage=0.75)
    assert first.prediction_set == {"classes": ['=a, "b"', "c"], "coverage": 0.75}
    assert second.prediction_set == {"classes": ["c"], "coverage": 0.75}
    assert (odd.prediction, odd.prediction_set) == (None, None)
    assert last.prediction_set == {"classes": ['=a, "b"'], "coverage": 0.75}


def test_explanations_are_stopped_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_late() -> None:
        raise TookTooLong("The prediction took too long.")

    monkeypatch.setattr(row_answers, "check_time", too_late)
    version, n = served("values")
    with pytest.raises(TookTooLong):
        row_answers.answers(version, CheckedRows({}, ((),) * n, n), explain=True)
