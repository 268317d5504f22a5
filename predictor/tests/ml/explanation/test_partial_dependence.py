"""Curves of functions that are sums of their columns' parts: there partial dependence is known exactly."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from predictor.ml.explanation.partial_dependence import FEW_TEXTS, MAX_FEATURES, NO_TIME, dependence
from predictor.ml.explanation.value_grids import MAX_GRID
from predictor.ml.pipelines.fitted_pipeline import Outputs
from predictor.ml.types.schema import Role, Task
from predictor.ml.validation.target import make_target
from predictor.ml.validation.training_table import TrainingTable

MOMENTS = np.datetime64("2024-01-01", "us") + np.arange(120) * np.timedelta64(1, "D")
WORTH = {"north": 2.0, "south": -1.0, None: 0.5}


def table(task=Task.REGRESSION, n_classes=2):
    draw = np.random.default_rng(0)
    age = draw.integers(18, 80, 120).astype(float)
    age[:10] = np.nan
    columns = {
        "age": age,
        "city": np.array(["north", "south", None], object)[draw.integers(0, 3, 120)],
        "member": draw.integers(0, 2, 120).astype(float),
        "joined": MOMENTS,
        "note": np.array(["a b", "c d"], object)[draw.integers(0, 2, 120)],
    }
    kinds = (Role.NUMERIC, Role.CATEGORICAL, Role.BOOLEAN, Role.DATETIME, Role.TEXT)
    labels = draw.normal(size=120) if task is Task.REGRESSION else np.arange(120) % n_classes
    target = make_target("y", task, labels if task is Task.REGRESSION else labels.astype(str).astype(object))
    return TrainingTable(columns, dict(zip(columns, kinds, strict=True)), target)


def parts(columns):
    """What each column adds."""
    return {
        "age": np.sqrt(np.nan_to_num(columns["age"], nan=4.0)),
        "city": np.array([WORTH[each] for each in columns["city"]]),
        "member": 3 * columns["member"],
        "joined": (columns["joined"] - MOMENTS[0]) / np.timedelta64(100, "D"),
    }


def pipeline(answer):
    return SimpleNamespace(spec=SimpleNamespace(sources=tuple(table().columns)), predict=answer)


ADDITIVE = pipeline(lambda columns: Outputs(values=np.sum(list(parts(columns).values()), axis=0)))


def curves_of(rows, made=ADDITIVE, **more):
    found = dependence(made, rows, **{"order": ["city"], "seed": 0, "max_seconds": 60.0, **more})
    return found, {each["column"]: each for each in found["features"]}


def test_of_a_sum_each_curve_is_its_columns_part_above_the_mean_of_the_rest():
    rows = table()
    found, features = curves_of(rows)

    assert (found["n_rows"], found["classes"]) == (120, [])
    assert list(features) == ["city", "age", "member", "joined"]  # the order that was asked, then the table's
    own = parts(rows.columns)
    grids = {
        "age": [np.nan if each is None else each for each in features["age"]["grid"]],
        "city": np.array([*features["city"]["grid"]], object),
        "member": np.array(features["member"]["grid"], float),
        "joined": np.array(features["joined"]["grid"], "datetime64[us]"),
    }
    for name, feature in features.items():
        rest = sum(values.mean() for each, values in own.items() if each != name)
        n = len(feature["grid"])
        varied = {each: np.repeat(values[:1], n) for each, values in rows.columns.items()}
        expected = parts({**varied, name: np.array(grids[name])})[name] + rest
        (curve,) = feature["curves"]
        assert curve["class"] is None
        assert curve["mean"] == pytest.approx(expected, rel=1e-4)
        # Without interactions all lines are the same but for their height.
        shifts = np.array(curve["lines"]) - np.array(curve["mean"])
        assert shifts == pytest.approx(np.tile(shifts[:, :1], (1, n)), abs=1e-3)


def test_grids_hold_values_of_the_column_and_say_where_the_rows_are():
    rows = table()
    _, features = curves_of(rows)

    assert features["age"]["grid"][-1] is None
    assert set(features["age"]["grid"][:-1]) <= set(rows.columns["age"][10:])
    assert len(features["age"]["grid"]) == MAX_GRID + 1
    assert features["age"]["marks"][0] == np.nanmin(rows.columns["age"])
    assert len(features["age"]["marks"]) == 11
    assert features["joined"]["grid"][0] == "2024-01-01T00:00:00"
    assert sum(features["city"]["counts"]) == 120
    assert features["member"]["grid"] == [False, True]


@pytest.mark.parametrize(
    ("task", "n_classes", "classes"),
    [
        (Task.BINARY, 2, ["1"]),
        (Task.MULTICLASS, 3, ["0", "1", "2"]),
        (Task.MULTICLASS, 8, ["0", "1", "2", "3", "4"]),
    ],
)
def test_of_classes_the_positive_one_or_the_most_frequent_are_shown(task, n_classes, classes):
    def shares(columns):
        raised = np.exp(columns["member"])[:, None] ** np.linspace(0, 1, n_classes)
        return Outputs(probabilities=raised / raised.sum(axis=1, keepdims=True))

    found, features = curves_of(table(task, n_classes), pipeline(shares))

    assert found["classes"] == classes
    curves = features["member"]["curves"]
    assert [each["class"] for each in curves] == classes
    last = curves[-1]["mean"]
    expected = shares({"member": np.array([0.0, 1.0])}).probabilities[:, int(classes[-1])]
    assert last == pytest.approx(expected, rel=1e-4)


def test_free_text_and_what_there_was_no_time_for_is_named():
    found, _ = curves_of(table(), max_seconds=-1.0)

    assert found["features"] == []
    assert {each["column"]: each["reason"] for each in found["skipped"]} == {
        "city": NO_TIME, "age": NO_TIME, "member": NO_TIME, "joined": NO_TIME, "note": FEW_TEXTS,
    }  # fmt: skip


def test_more_columns_than_are_looked_at_are_named():
    n = MAX_FEATURES + 2
    columns = {f"x{place}": np.arange(30.0) for place in range(n)}
    rows = TrainingTable(
        columns, dict.fromkeys(columns, Role.NUMERIC), make_target("y", Task.REGRESSION, np.arange(30.0))
    )
    made = SimpleNamespace(
        spec=SimpleNamespace(sources=tuple(columns)), predict=lambda given: Outputs(values=given["x0"])
    )

    found = dependence(made, rows, order=[], seed=0, max_seconds=60.0)

    assert len(found["features"]) == MAX_FEATURES
    assert [each["column"] for each in found["skipped"]] == [f"x{n - 2}", f"x{n - 1}"]


def test_an_answer_that_is_no_number_is_null():
    made = pipeline(lambda columns: Outputs(values=np.where(columns["member"] > 0, np.nan, 1.0)))

    _, features = curves_of(table(), made)

    assert features["member"]["curves"][0]["mean"] == [1.0, None]
