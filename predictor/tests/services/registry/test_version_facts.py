from __future__ import annotations

from typing import Any

import pytest

from predictor.models import ModelVersion
from predictor.services.registry import version_facts


def test_a_version_has_examples_when_their_file_is_stored() -> None:
    file = {"digest": "0" * 64, "n_bytes": 1}

    assert version_facts.has_examples(ModelVersion(artifacts={"spec.json": file, "examples.json": file}))
    assert not version_facts.has_examples(ModelVersion(artifacts={"spec.json": file}))


def test_the_importance_of_each_column_is_its_mean() -> None:
    importance = [
        {"column": "age", "mean": 0.25, "spread": 0.5},
        {"column": "größe", "mean": -0.125, "spread": 0.0},
    ]

    found = version_facts.importance_of(ModelVersion(evaluation={"importance": importance}))

    assert found == {"age": 0.25, "größe": -0.125}


@pytest.mark.parametrize("evaluation", [{}, {"importance": None}, {"importance": []}, [], "lost"])
def test_without_a_report_no_column_has_an_importance(evaluation: Any) -> None:
    assert version_facts.importance_of(ModelVersion(evaluation=evaluation)) == {}
