"""The labels in the text of many answers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from predictor.ml.inputs.row_chunks import BulkChunk
from predictor.ml.pipelines.fitted_pipeline import Outputs
from predictor.ml.types.schema import Signature, Task
from predictor.services.predictions.bulk_answers import BulkAnswerer


def answers_of(classes: tuple[Any, ...], *, is_neutralised: bool) -> tuple[list[str], list[str]]:
    """The CSV cells and the JSON members of one row for each class, without prediction sets."""
    n = len(classes)
    predictor = SimpleNamespace(
        uncertainty=None,
        has_intervals=False,
        threshold=None,
        predict=lambda columns: Outputs(probabilities=np.eye(n)),
    )
    served: Any = SimpleNamespace(
        predictor=predictor, signature=Signature("y", Task.MULTICLASS, (), classes=classes)
    )
    chunk = BulkChunk(1, [""] * n, range(n), {}, ["{}"] * n, {}, {})
    answers = BulkAnswerer(served, is_neutralised=is_neutralised).answer(chunk)
    return [each.split(",")[0] for each in answers.cells], [each.split(",")[0] for each in answers.members]


@pytest.mark.parametrize("is_neutralised", [True, False])
@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        ((False, True), ["false", "true"]),
        (("False", "TRUE"), ["False", "TRUE"]),
        ((1, 2, 3), ["1", "2", "3"]),
        ((1.0, 2.5), ["1", "2.5"]),
        (("+", "-"), ["+", "-"]),
    ],
)
def test_labels_are_written_as_in_the_data(
    classes: tuple[Any, ...], labels: list[str], is_neutralised: bool
) -> None:
    assert answers_of(classes, is_neutralised=is_neutralised)[0] == labels


def test_labels_in_json_keep_their_type() -> None:
    assert answers_of((False, True), is_neutralised=False)[1] == ['"prediction":false', '"prediction":true']
