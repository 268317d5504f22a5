from __future__ import annotations

import json

import numpy as np
import pytest

from predictor.ml.features.feature_spec import KINDS
from predictor.ml.features.step import Output, Step
from predictor.ml.features.tabular_steps import CodeStep, TargetStep


def test_json_holds_the_kind_and_every_field_of_a_step() -> None:
    step = CodeStep("city", levels=("Łódź", "北京"), other=2.0)

    assert step.to_json() == {
        "kind": "code", "source": "city", "levels": ("Łódź", "北京"),
        "other": 2.0, "missing": None, "is_native": False,
    }  # fmt: skip


def test_nested_lists_of_json_become_tuples_so_that_steps_can_be_compared_and_hashed() -> None:
    step = TargetStep("shop", levels=("a", "b"), means=((0.25, 0.75), (1.0, 0.0)), classes=(0, 2))

    again = TargetStep.from_json(json.loads(json.dumps(step.to_json())))

    assert again == step
    assert again.means == ((0.25, 0.75), (1.0, 0.0))
    assert hash(again) == hash(step)


def test_a_field_that_a_step_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="radius"):
        CodeStep.from_json({"kind": "code", "source": "x", "radius": 1})


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_with_only_a_source_is_the_same_after_json(kind: str) -> None:
    step = KINDS[kind]("x")
    assert KINDS[kind].from_json(json.loads(json.dumps(step.to_json()))) == step


def test_the_base_class_computes_nothing() -> None:
    step = Step("x")
    with pytest.raises(NotImplementedError):
        _ = step.outputs
    with pytest.raises(NotImplementedError):
        step.transform(np.zeros(1))
    with pytest.raises(NotImplementedError):
        step.writer(0)


def test_an_output_is_no_category_unless_it_says_so() -> None:
    assert not Output("x", "x").is_categorical
