"""Counterfactuals and nearest training rows, with a fitted version."""

from __future__ import annotations

from typing import Any

import pytest

from predictor.errors import InvalidInput
from predictor.models import ModelVersion, PredictionLog, RegisteredModel, User, Workspace
from predictor.services import predictions, registry
from predictor.services.predictions import counterfactuals, loaded_versions
from predictor.services.predictions.counterfactuals import Wanted
from predictor.tests import predicting
from predictor.tests.web.served_versions import CLASSES, EVIL_NUMBER, ROW, columns, publish_served

STAY, LEAVE = CLASSES


@pytest.fixture
def model(workspace: Workspace) -> RegisteredModel:
    loaded_versions.forget_all()
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    publish_served(model)
    return model


@pytest.fixture
def article(workspace: Workspace, member: User) -> ModelVersion:
    loaded_versions.forget_all()
    return registry.register_linear(
        workspace=workspace, name="article", coefficients=[0.5, 0.3], intercept=-1.5, by=member
    )


def answer(model: RegisteredModel, row: Any, **more: Any) -> predictions.Prediction:
    return predicting.predict(model, rows=[row], by=None, is_logged=False, **more).predictions[0]


@pytest.mark.parametrize("place", range(0, 40, 4))
def test_every_hint_gets_the_wanted_answer_from_the_same_service(model: RegisteredModel, place: int) -> None:
    rows = {name: values[place] for name, values in columns().items()}
    row = {**ROW, "age": float(rows["age"]), EVIL_NUMBER: float(rows[EVIL_NUMBER])}
    now = answer(model, row).prediction
    other = LEAVE if now == STAY else STAY

    hints = counterfactuals.find(registered_model=model, row=row, wanted=Wanted(other))

    assert hints.prediction.prediction == now
    assert hints.hints
    sizes = [(len(each.changes), each.distance) for each in hints.hints]
    assert sizes == sorted(sizes)
    for hint in hints.hints:
        assert answer(model, hint.row).prediction == other == hint.prediction.prediction
        changed = {name for name in row if hint.row[name] != row[name]}
        assert changed == {each.column for each in hint.changes}
    assert PredictionLog.objects.count() == 0


def test_locked_columns_never_change_and_the_message_says_when_none_is_found(model: RegisteredModel) -> None:
    names = registry.version_of(model).signature.names
    now = answer(model, ROW).prediction
    other = LEAVE if now == STAY else STAY

    without = counterfactuals.find(registered_model=model, row=ROW, wanted=Wanted(other), locked=["age"])
    nothing = counterfactuals.find(registered_model=model, row=ROW, wanted=Wanted(other), locked=names)
    already = counterfactuals.find(registered_model=model, row=ROW, wanted=Wanted(now))

    assert all(each.column != "age" for hint in without.hints for each in hint.changes)
    assert (nothing.hints, nothing.n_evaluated) == ((), 0)
    assert "No change" in nothing.message
    assert already.is_there
    assert "already" in already.message


@pytest.mark.parametrize(
    ("wanted", "more", "sentence"),
    [
        (Wanted("gone"), {}, "no class “gone”"),
        (Wanted(at_least=3.0), {}, "which class"),
        (Wanted(STAY), {"locked": ["agee"]}, "no column “agee”"),
        (Wanted(STAY), {"n": 0}, "1 to 20"),
    ],
)
def test_unsupported_goals_and_columns_are_refused(
    model: RegisteredModel, wanted: Wanted, more: Any, sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        counterfactuals.find(registered_model=model, row=ROW, wanted=wanted, **more)


@pytest.mark.parametrize(
    "wanted", [Wanted("a"), Wanted(), Wanted(at_least=1.0, at_most=2.0), Wanted(at_least=float("inf"))]
)
def test_a_value_needs_one_finite_bound(article: ModelVersion, wanted: Wanted) -> None:
    with pytest.raises(InvalidInput, match=r"at_least|finite"):
        counterfactuals.goal_of(wanted, article.signature)


def test_nearest_rows_come_with_their_targets_and_are_not_logged(
    model: RegisteredModel, member: User
) -> None:
    table = columns()
    row = {**ROW, "age": int(table["age"][7]), EVIL_NUMBER: float(table[EVIL_NUMBER][7])}
    found = predicting.predict(model, rows=[row, row], nearest=3, by=member).predictions

    assert len(found) == 2
    near = found[0].nearest
    assert near is not None
    assert [each.distance for each in near] == sorted(each.distance for each in near)
    assert len(near) == 3
    assert {each.target for each in near} <= set(CLASSES)
    assert set(near[0].row) == set(ROW)
    assert "nearest" not in PredictionLog.objects.first().output  # type: ignore[union-attr]


def test_a_version_without_training_rows_says_so(article: ModelVersion) -> None:
    model = article.registered_model

    assert answer(model, {"x1": 1, "x2": 2}, nearest=3, explain=True, is_lenient=True).nearest is None
    with pytest.raises(InvalidInput, match="stored without training rows"):
        answer(model, {"x1": 1, "x2": 2}, nearest=3)
    with pytest.raises(InvalidInput, match="stored without training rows"):
        counterfactuals.find(registered_model=model, row={"x1": 1, "x2": 2}, wanted=Wanted(at_least=1.0))
