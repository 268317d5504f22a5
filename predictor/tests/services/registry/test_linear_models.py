from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from pytest_django import Settings

from predictor.errors import InvalidInput
from predictor.ml.inference.loading import load_predictor
from predictor.ml.inference.predictor import Predictor
from predictor.ml.types.schema import Role, Signature
from predictor.services import artifacts
from predictor.services.registry import linear_models
from predictor.services.registry.linear_models import BuiltModel, build


def loaded(built: BuiltModel) -> Predictor:
    paths = {name: artifacts.verified_path(entry["digest"]) for name, entry in built.artifacts.items()}
    return load_predictor(paths, Signature.from_json(built.fields["signature_json"]))


@pytest.mark.parametrize("n_features", [1, 3, 40])
def test_it_predicts_the_sum_that_was_given(settings: Settings, n_features: int) -> None:
    draw = np.random.default_rng(n_features)
    coefficients, intercept = draw.normal(0, 10, n_features), float(draw.normal())
    rows = draw.normal(0, 100, (50, n_features))

    predictor = loaded(build(coefficients.tolist(), intercept))

    values = predictor.predict({f"x{place}": column for place, column in enumerate(rows.T, start=1)}).values
    # Features are float32 in the graph.
    size = np.abs(rows) @ np.abs(coefficients) + abs(intercept)
    assert (np.abs(values - (rows @ coefficients + intercept)) / size).max() < 1e-6


def test_the_golden_rows_are_answered(settings: Settings) -> None:
    loaded(build([0.5, -0.25], 3)).check_golden()


def test_a_missing_value_counts_as_zero(settings: Settings) -> None:
    predictor = loaded(build([2.0, 5.0], 1.0, ["a", "b"]))

    values = predictor.predict({"a": np.array([np.nan, 1.0]), "b": np.array([1.0, np.nan])}).values

    assert values.tolist() == [6.0, 3.0]


def test_the_row_describes_what_was_given(settings: Settings) -> None:
    built = build([2, -1], 0, ["größe", "重量"])

    signature = Signature.from_json(built.fields["signature_json"])
    assert signature.names == ("größe", "重量")
    assert {each.role for each in signature.fields} == {Role.NUMERIC}
    assert built.fields["params"] == {"coefficients": {"größe": 2.0, "重量": -1.0}, "intercept": 0.0}
    assert (built.fields["task"], built.fields["is_compiled"]) == ("regression", True)


def test_files_are_stored_with_their_size_and_leave_no_work_folder(settings: Settings) -> None:
    built = build([1.0], 0.0)

    sizes = {
        name: artifacts.path_of(entry["digest"]).stat().st_size for name, entry in built.artifacts.items()
    }
    assert sizes == {name: entry["n_bytes"] for name, entry in built.artifacts.items()}
    assert {"spec.json", "model.onnx", "golden.json"} <= set(sizes)
    assert list(settings.WORK_DIR.iterdir()) == []


def test_the_same_numbers_are_the_same_files(settings: Settings) -> None:
    def digests(built: BuiltModel) -> dict[str, str]:
        # skops writes the addresses of objects into model.skops.
        return {name: entry["digest"] for name, entry in built.artifacts.items() if name != "model.skops"}

    first, same, other = build([1.0, 2.0], 3.0), build((1, 2), 3, ["x1", "x2"]), build([1.0, 2.0], 3.5)
    assert digests(first) == digests(same)
    assert digests(first)["model.onnx"] != digests(other)["model.onnx"]


@pytest.mark.parametrize(
    ("coefficients", "intercept", "names", "sentence"),
    [
        ([], 0.0, None, "A linear model has 1 to 1,000 coefficients; got 0."),
        ([1.0] * 1_001, 0.0, None, "A linear model has 1 to 1,000 coefficients; got 1,001."),
        ([1.0, float("inf")], 0.0, None, "Coefficients and intercept have to be finite numbers."),
        ([float("nan")], 0.0, None, "Coefficients and intercept have to be finite numbers."),
        ([1.0], float("-inf"), None, "Coefficients and intercept have to be finite numbers."),
        ([1.0, 2.0], 0.0, ["a"], "There are 2 coefficients but 1 feature names."),
        ([1.0, 2.0], 0.0, ["a", "b", "c"], "There are 2 coefficients but 3 feature names."),
        ([1.0, 2.0], 0.0, ["a", "a"], "Feature names have to differ and not be blank: “a”."),
        ([1.0, 2.0], 0.0, ["a", " "], "Feature names have to differ and not be blank: “ ”."),
    ],
)
def test_what_is_no_linear_model_is_refused_before_a_file_is_stored(
    settings: Settings, coefficients: Sequence[float], intercept: float, names: Any, sentence: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        build(coefficients, intercept, names)

    assert refused.value.message == sentence
    assert list(settings.ARTIFACT_DIR.iterdir()) == []


def test_as_many_coefficients_as_are_allowed_are_stored(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear_models, "MAX_FEATURES", 3)

    assert len(build([1.0, 2.0, 3.0], 0.0).fields["params"]["coefficients"]) == 3
    with pytest.raises(InvalidInput, match="1 to 3 coefficients; got 4"):
        build([1.0] * 4, 0.0)
