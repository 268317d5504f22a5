"""Nearest training rows, with a version whose stored rows and importances were made by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pytest_django import Settings

from predictor.errors import DamagedArtifact, InvalidInput, NotServable, TookTooLong, TooLarge
from predictor.ml.explanation.nearest_examples import Examples
from predictor.ml.persistence import version_files
from predictor.models import ModelVersion, RegisteredModel, Workspace
from predictor.services import artifacts
from predictor.services.predictions import admission, nearest_examples
from predictor.services.registry.version_facts import FILE
from predictor.tests.services.versions import publish

AGES, CITIES = (0.0, 10.0, 20.0, 40.0), ("Ulm", "Łódź", "Ulm", "Łódź")


@dataclass(frozen=True)
class Answered:
    """Stands for a prediction."""

    number: int
    nearest: tuple[Any, ...] | None = None


@pytest.fixture(autouse=True)
def _nothing_in_memory() -> None:
    nearest_examples._loaded.cache_clear()


@pytest.fixture
def version(workspace: Workspace, tmp_path: Path) -> ModelVersion:
    """Its age counts for everything, but for the share that all columns have equally."""
    model = RegisteredModel.objects.create(workspace=workspace, slug="m", name="M")
    importance = [
        {"column": "age", "mean": 2.0, "spread": 0.0},
        {"column": "city", "mean": 0.0, "spread": 0.0},
    ]
    version = publish(model, report={"importance": importance})
    table = {"age": np.array(AGES), "city": np.array(CITIES, object)}
    stored = version_files.write_examples(tmp_path, table, np.array([1.0, 2.0, 3.0, 4.0]))
    return with_file(version, stored.path.read_bytes())


def with_file(version: ModelVersion, content: bytes) -> ModelVersion:
    version.artifacts = {FILE: {"digest": artifacts.put_bytes(content), "n_bytes": len(content)}}
    version.save()
    return ModelVersion.objects.get(pk=version.pk)


def checked(*rows: tuple[float, str | None]) -> Any:
    ages, cities = zip(*rows, strict=True) if rows else ((), ())
    return SimpleNamespace(
        n_rows=len(rows), columns={"age": np.array(ages, float), "city": np.array(cities, object)}
    )


def nearest(version: ModelVersion, k: int, *rows: tuple[float, str | None]) -> list[Answered]:
    predictions: Any = [Answered(number) for number in range(len(rows))]
    found: Any = nearest_examples.with_nearest(predictions, version, checked(*rows), k)
    return found


def test_each_row_gets_its_nearest_rows_with_targets(version: ModelVersion) -> None:
    first, second = nearest(version, 2, (12.0, "Ulm"), (40.0, None))

    assert (first.number, second.number) == (0, 1)
    # By hand: the 5 % and 95 % quantiles of age are 1.5 and 37; age weighs 0.95, city 0.05.
    assert first.nearest is not None
    assert [(dict(each.row), each.target, each.distance) for each in first.nearest] == [
        ({"age": 10.0, "city": "Łódź"}, 2.0, round(0.95 * 2 / 35.5 + 0.05, 4)),
        ({"age": 20.0, "city": "Ulm"}, 3.0, round(0.95 * 8 / 35.5, 4)),
    ]
    assert second.nearest is not None
    assert [each.row["age"] for each in second.nearest] == [40.0, 20.0]


def test_there_are_no_more_than_are_stored(version: ModelVersion) -> None:
    (answered,) = nearest(version, 20, (0.0, "Ulm"))

    assert answered.nearest is not None
    assert len(answered.nearest) == 4
    assert answered.nearest[0].distance == 0


def test_no_rows_have_no_nearest_rows(version: ModelVersion) -> None:
    assert nearest(version, 1) == []


@pytest.mark.parametrize("k", [0, -1, 21])
def test_too_many_and_too_few_are_refused(version: ModelVersion, k: int) -> None:
    with pytest.raises(InvalidInput, match=f"Ask for 1 to 20 nearest training rows; got {k}.") as refused:
        nearest(version, k, (1.0, "Ulm"))

    assert refused.value.limit == 20


def test_too_many_nearest_rows_are_refused(version: ModelVersion, settings: Settings) -> None:
    settings.MAX_EXPLAINED_ROWS = 1
    assert len(nearest(version, 1, (1.0, "Ulm"))) == 1

    with pytest.raises(TooLarge, match="nearest training rows of 1 rows; this one holds 2") as refused:
        nearest(version, 1, (1.0, "Ulm"), (2.0, "Ulm"))

    assert refused.value.limit == 1


def test_the_search_for_nearest_rows_stops_at_the_deadline(
    version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, calls = Examples.nearest, []

    def slow(self: Examples, *args: Any) -> Any:
        calls.append(args)
        admission._deadline.at = 0.0
        return search(self, *args)

    monkeypatch.setattr(Examples, "nearest", slow)

    with pytest.raises(TookTooLong):
        admission.limited(nearest)(version, 1, *[(1.0, "Ulm")] * 3)
    assert len(calls) == 1


def test_a_version_without_training_rows_says_what_to_do(version: ModelVersion) -> None:
    version.artifacts = {}

    with pytest.raises(InvalidInput, match="stored without training rows to compare with; train it again"):
        nearest(version, 1, (1.0, "Ulm"))


def test_a_missing_file_is_an_error_with_a_message(version: ModelVersion) -> None:
    artifacts.remove(version.artifacts[FILE]["digest"])

    with pytest.raises(NotServable, match="A file of version 1 is missing from the artifact storage"):
        nearest(version, 1, (1.0, "Ulm"))


@pytest.mark.parametrize("content", [b"{}", b"not json", b'{"format": 1, "rows": {}, "targets": [1]}'])
def test_a_damaged_file_is_an_error(version: ModelVersion, content: bytes) -> None:
    damaged = with_file(version, content)

    with pytest.raises(DamagedArtifact):
        nearest_examples.examples_of(damaged)


def test_rows_are_read_once_and_again_for_another_file(version: ModelVersion, tmp_path: Path) -> None:
    first = nearest_examples.examples_of(version)
    artifacts.remove(version.artifacts[FILE]["digest"])
    assert nearest_examples.examples_of(version) is first

    table = {"age": np.array([7.0]), "city": np.array(["Bonn"], object)}
    other = with_file(
        version, version_files.write_examples(tmp_path, table, np.array([9.0])).path.read_bytes()
    )

    assert len(nearest_examples.examples_of(other)) == 1


def test_only_so_many_versions_are_kept(version: ModelVersion) -> None:
    assert nearest_examples._loaded.cache_info().maxsize == nearest_examples.KEPT
