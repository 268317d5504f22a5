from __future__ import annotations

import random

import numpy as np
import pytest

from predictor.errors import NotFound
from predictor.ml.types.schema import Task
from predictor.models import ModelVersion, RegisteredModel, User, Workspace
from predictor.services import registry
from predictor.services.predictions import example_rows, loaded_versions, nearest_examples
from predictor.tests.web.served_versions import EVIL_NUMBER, columns, publish_served


@pytest.fixture
def version(workspace: Workspace) -> ModelVersion:
    loaded_versions.forget_all()
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    return publish_served(model)


def test_each_class_has_a_stored_row_of_its_own(version: ModelVersion) -> None:
    table = columns()
    is_leaving = table["age"] / 60 + table[EVIL_NUMBER] > 1  # as the target was made
    pairs = {
        (float(a), float(b)): bool(c)
        for a, b, c in zip(table["age"], table[EVIL_NUMBER], is_leaving, strict=True)
    }

    assert example_rows.keys_of(version) == ["class-0", "class-1", "random"]
    for code in (0, 1):
        row = example_rows.row_of(version, f"class-{code}")
        assert pairs[(row["age"], row[EVIL_NUMBER])] is bool(code)


def test_the_ends_are_those_of_the_target(version: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = nearest_examples.examples_of(version)
    ranked = type(
        "Ranked", (), {"targets": np.array([3.0, 1.0, 2.0]), "row": staticmethod(lambda place: place)}
    )
    monkeypatch.setattr(nearest_examples, "examples_of", lambda version: ranked)
    monkeypatch.setattr(example_rows, "keys_of", lambda version: ["lowest", "median", "highest", "random"])

    found = {key: example_rows.row_of(version, key) for key in example_rows.ENDS}

    assert len(examples) == 200
    assert found == {"lowest": 1, "median": 2, "highest": 0}
    assert example_rows.row_of(version, "random", choose=random.Random(0)) in (0, 1, 2)


def test_a_version_without_stored_rows_has_no_examples(workspace: Workspace, member: User) -> None:
    linear = registry.register_linear(
        workspace=workspace, name="article", coefficients=[0.5, 0.3], intercept=-1.5, by=member
    )

    assert linear.signature.task is Task.REGRESSION
    assert example_rows.keys_of(linear) == []
    with pytest.raises(NotFound):
        example_rows.row_of(linear, "random")
