"""The content of model cards."""

from __future__ import annotations

import pytest

from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.models import ModelVersion, RegisteredModel, User, Workspace
from predictor.services import registry
from predictor.services.registry import model_cards
from predictor.tests.services.versions import publish
from predictor.tests.web.served_versions import publish_served


@pytest.fixture
def model(workspace: Workspace) -> RegisteredModel:
    return RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn | <b>one</b>")


@pytest.fixture
def version(model: RegisteredModel) -> ModelVersion:
    return publish_served(model)


def part(card: model_cards.Card, title: str) -> model_cards.CardPart:
    return next(each for each in card.parts if each.title == title)


def test_a_card_holds_the_data_of_the_version(version: ModelVersion) -> None:
    card = model_cards.card_of(version)
    report = version.evaluation

    assert dict(part(card, "The version").facts)["Serves as"] == "champion"
    assert dict(part(card, "Data").facts)["Dataset"] == "Table"
    features = part(card, "Features").table
    assert features is not None
    assert [row[0] for row in features.rows] == list(version.signature.names)
    assert features.rows[0] == ("age", "numeric", "18 to 90", "sometimes", "0.1")
    metrics = part(card, "Metrics").table
    assert metrics is not None
    assert metrics.header[-1] == "No features"
    assert [row[0] for row in metrics.rows] == list(report["held_out"])
    assert part(card, "How it was tested").sentences == (report["verdict"]["sentence"],)
    assert "3 rows were left out." in part(card, "Limits and warnings").points
    assert "counterfactuals are available" in part(card, "Explanation").points[-1]
    files = part(card, "Technique").table
    assert files is not None
    assert {row[2] for row in files.rows} == {each["digest"] for each in version.artifacts.values()}


def test_a_card_says_which_columns_have_one_direction(version: ModelVersion) -> None:
    proof = {"column": "age", "direction": "increasing", "n_rows": 200, "n_values": 68, "holds": True}
    version.evaluation["monotone"] = [proof]
    assert part(model_cards.card_of(version), "Features").points[0] == (
        "age: the probability of “<b>leave</b>” never falls when it rises; "
        "checked for 200 rows at 68 values on what serves."
    )


def test_the_description_of_the_model_is_the_intended_use(version: ModelVersion, member: User) -> None:
    assert part(model_cards.card_of(version), "Intended use").sentences == (model_cards.NOBODY_SAID,)

    registry.update_model(
        registered_model=version.registered_model, description="For letters.\nNot for prices.", by=member
    )

    assert part(model_cards.card_of(version), "Intended use").sentences == ("For letters.", "Not for prices.")


def test_a_version_from_coefficients_has_a_card_too(workspace: Workspace, member: User) -> None:
    version = registry.register_linear(
        workspace=workspace, name="article", coefficients=[0.5], intercept=0.0, by=member
    )

    card = model_cards.card_of(version)

    assert part(card, "Data").sentences == ("It was made from given coefficients, not from data.",)
    assert {each.title for each in card.parts}.isdisjoint({"Metrics", "How it was tested"})


def test_an_empty_report_omits_parts(model: RegisteredModel) -> None:
    card = model_cards.card_of(publish(model))

    assert "Where it errs most" not in {each.title for each in card.parts}


def test_the_features_say_how_their_texts_are_read(model: RegisteredModel) -> None:
    price = FeatureField(
        "price", Role.NUMERIC, minimum=1.0, maximum=2.0, reading=Reading(ValueKind.NUMBER, ",")
    )
    signature = Signature("y", Task.REGRESSION, (price,), left_out={"note": "empty: it has no value"})

    features = part(model_cards.card_of(publish(model, signature=signature.to_json())), "Features")

    assert features.table is not None
    assert features.table.rows[0][1] == "numeric, read as numbers, decimal mark “,”"
    assert features.points == ("note is not used: empty: it has no value.",)
