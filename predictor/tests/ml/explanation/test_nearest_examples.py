"""Training rows kept with a version: which ones are near, and that they come back as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from predictor.errors import DamagedArtifact
from predictor.ml.explanation.nearest_examples import Examples
from predictor.ml.persistence import version_files
from predictor.ml.types.schema import FeatureField, Role, Signature, Task

FIELDS = (
    FeatureField("age", Role.NUMERIC, True, True, 20.0, 60.0),
    FeatureField("plan", Role.CATEGORICAL, True, levels=("basic", "pro")),
    FeatureField("member", Role.BOOLEAN, True),
    FeatureField("joined", Role.DATETIME, True, minimum="2024-01-01", maximum="2024-12-31"),
    FeatureField("note", Role.TEXT, True),
)
SIGNATURE = Signature("left", Task.BINARY, FIELDS, classes=("no", "yes"))
COLUMNS = {
    "age": np.array([20.0, 30.0, 40.0, 60.0, np.nan]),
    "plan": np.array(["basic", "pro", "basic", "pro", None], object),
    "member": np.array([0.0, 1.0, 0.0, 1.0, np.nan]),
    "joined": np.array(["2024-01-01", "2024-02-01", "2024-03-01", "2024-12-31", "NaT"], "datetime64[us]"),
    "note": np.array(["a b", "c", "a b c", "d e", None], object),
}


def examples(**weights: float) -> Examples:
    return Examples(SIGNATURE, COLUMNS, [0, 1, 0, 1, 1], weights)


def row(place: int) -> dict[str, np.ndarray]:
    return {name: values[place : place + 1] for name, values in COLUMNS.items()}


@pytest.mark.parametrize("place", range(5))
def test_an_equal_row_is_nearest_and_comes_as_callers_send_it(place: int) -> None:
    first, *others = examples().nearest(row(place), 5)

    assert first.distance == 0.0
    assert all(0 < each.distance <= 1 for each in others)
    assert [each.distance for each in others] == sorted(each.distance for each in others)
    if place == 1:
        assert (first.target, dict(first.row)) == (
            "yes", {"age": 30, "plan": "pro", "member": True, "joined": "2024-02-01", "note": "c"},
        )  # fmt: skip
    if place == 4:
        assert set(first.row.values()) == {None}


def test_missing_against_a_value_is_as_far_as_can_be() -> None:
    far = examples().nearest(row(4), 5)

    assert {each.distance for each in far} == {0.0, 1.0}


def test_columns_count_as_much_as_they_matter() -> None:
    asked = {**row(0), "age": np.array([60.0])}

    assert examples(age=1.0).nearest(asked, 1)[0].row["age"] == 60
    assert examples(plan=1.0, member=1.0).nearest(asked, 1)[0].row["age"] == 20


def test_one_far_off_value_does_not_make_all_others_equal() -> None:
    field = FeatureField("x", Role.NUMERIC)
    values = np.concatenate([np.arange(100.0), [1e9]])
    found = Examples(Signature("y", Task.REGRESSION, (field,)), {"x": values}, list(values))

    assert [each.target for each in found.nearest({"x": np.array([42.2])}, 3)] == [42.0, 43.0, 41.0]


def test_rows_are_written_and_read_whole(tmp_path: Path) -> None:
    file = version_files.write_examples(tmp_path, COLUMNS, np.array([0, 1, 0, 1, 1]))
    again = version_files.read_examples(file.path.read_bytes(), SIGNATURE, {})

    assert [again.row(place) for place in range(5)] == [examples().row(place) for place in range(5)]
    assert [again.target(place) for place in range(5)] == ["no", "yes", "no", "yes", "yes"]


def test_of_long_texts_fewer_rows_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version_files, "MAX_BYTES", 20_000)
    columns = {"note": np.array(["word " * 100] * 200, object)}

    file = version_files.write_examples(tmp_path, columns, np.zeros(200))

    assert file.n_bytes <= 20_000
    signature = Signature("y", Task.REGRESSION, (FIELDS[4],))
    assert 20 <= len(version_files.read_examples(file.path.read_bytes(), signature, {})) < 200


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b'{"format":1,"rows":{},"targets":[1]}',
        b'{"format":1,"rows":{"age":{"kind":"number"}},"targets":[]}',
    ],
)
def test_what_is_not_whole_is_refused(content: bytes) -> None:
    with pytest.raises(DamagedArtifact):
        version_files.read_examples(content, SIGNATURE, {})
