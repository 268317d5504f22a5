from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from predictor.errors import Conflict, InvalidInput, NotFound
from predictor.models import AliasChange, ModelVersion, RegisteredModel, User, Workspace
from predictor.services import registry
from predictor.tests.services.versions import publish


@pytest.fixture
def model(workspace: Workspace, member: User) -> RegisteredModel:
    return registry.get_or_create_model(workspace=workspace, name_or_slug="Churn", by=member)


def champion(model: RegisteredModel) -> int:
    return registry.version_of(model).number


def test_the_first_version_becomes_champion_by_itself_and_the_second_does_not(model: RegisteredModel) -> None:
    publish(model)
    publish(model)

    assert champion(model) == 1
    assert [each.number for each in model.versions.order_by("number")] == [1, 2]


def test_a_version_that_was_rolled_back_with_its_transaction_leaves_no_gap(model: RegisteredModel) -> None:
    publish(model)
    with transaction.atomic():
        publish(model)
        transaction.set_rollback(True)

    assert publish(model).number == 2


@pytest.mark.django_db(transaction=True)
def test_numbers_have_no_gap_and_no_repeat_when_many_publish_at_once(model: RegisteredModel) -> None:
    runs = [publish.run(model) for _ in range(8)]
    start = threading.Barrier(len(runs))

    def work(run: Any) -> None:
        try:
            start.wait()
            publish(model, run=run)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[run]) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(model.versions.values_list("number", flat=True)) == list(range(1, 9))
    assert model.aliases.count() == 1


def test_an_alias_moves_and_its_history_stays(model: RegisteredModel, member: User) -> None:
    first, second = publish(model), publish(model)

    registry.set_alias(registered_model=model, alias="champion", model_version=second, by=member)

    newest = registry.history(model, "champion")[0]
    assert (newest.previous_version, newest.model_version, newest.changed_by) == (first, second, member)


def test_pointing_an_alias_where_it_points_already_adds_no_history(
    model: RegisteredModel, member: User
) -> None:
    version = publish(model)

    registry.set_alias(registered_model=model, alias="champion", model_version=version, by=member)

    assert AliasChange.objects.count() == 1


@pytest.mark.parametrize("alias", ["", "Champion", "7", "a b", "é", "x" * 41, "../x", "-a"])
def test_it_refuses_what_cannot_be_an_alias(model: RegisteredModel, member: User, alias: str) -> None:
    version = publish(model)

    with pytest.raises(InvalidInput, match="cannot be an alias"):
        registry.set_alias(registered_model=model, alias=alias, model_version=version, by=member)


def test_it_refuses_another_models_version(
    model: RegisteredModel, workspace: Workspace, member: User
) -> None:
    other = registry.get_or_create_model(workspace=workspace, name_or_slug="Other", by=member)
    version = publish(other)

    with pytest.raises(NotFound):
        registry.set_alias(registered_model=model, alias="champion", model_version=version, by=member)


def test_each_roll_back_goes_one_further_back_and_the_last_is_a_conflict(
    model: RegisteredModel, member: User
) -> None:
    for version in [publish(model) for _ in range(3)]:
        registry.set_alias(registered_model=model, alias="champion", model_version=version, by=member)

    walked = [registry.roll_back(registered_model=model, alias="champion", by=member).model_version.number]
    walked.append(
        registry.roll_back(registered_model=model, alias="champion", by=member).model_version.number
    )

    assert walked == [2, 1]
    with pytest.raises(Conflict, match="no earlier version"):
        registry.roll_back(registered_model=model, alias="champion", by=member)


def test_rolling_back_skips_archived_versions(model: RegisteredModel, member: User) -> None:
    versions = [publish(model) for _ in range(3)]
    for version in versions:
        registry.set_alias(registered_model=model, alias="champion", model_version=version, by=member)
    registry.archive(model_version=versions[1], by=member)

    registry.roll_back(registered_model=model, alias="champion", by=member)

    assert champion(model) == 1


def test_rolling_back_brings_a_removed_alias_back(model: RegisteredModel, member: User) -> None:
    publish(model)
    registry.remove_alias(registered_model=model, alias="champion", by=member)
    with pytest.raises(NotFound):
        registry.version_of(model)

    registry.roll_back(registered_model=model, alias="champion", by=member)

    assert champion(model) == 1


@hypothesis_settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(moves=st.lists(st.one_of(st.integers(0, 3), st.just("back")), max_size=12))
def test_moves_and_roll_backs_act_like_a_stack(
    model: RegisteredModel, member: User, moves: list[Any]
) -> None:
    versions = [publish(model) for _ in range(4)]
    registry.set_alias(registered_model=model, alias="a", model_version=versions[0], by=member)
    stack = [versions[0]]
    for move in moves:
        if move == "back":
            if len(stack) == 1:
                with pytest.raises(Conflict):
                    registry.roll_back(registered_model=model, alias="a", by=member)
                continue
            stack.pop()
            registry.roll_back(registered_model=model, alias="a", by=member)
        else:
            registry.set_alias(registered_model=model, alias="a", model_version=versions[move], by=member)
            if stack[-1] != versions[move]:
                stack.append(versions[move])
        assert registry.version_of(model, "a") == stack[-1]
    model.alias_changes.filter(alias="a").delete()
    model.aliases.filter(alias="a").delete()


def test_a_version_that_an_alias_points_at_cannot_be_archived(model: RegisteredModel, member: User) -> None:
    version = publish(model)

    with pytest.raises(Conflict, match="is served as “champion”"):
        registry.archive(model_version=version, by=member)


def test_an_archived_version_cannot_be_promoted_until_it_is_taken_out(
    model: RegisteredModel, member: User
) -> None:
    publish(model)
    second = publish(model)
    registry.archive(model_version=second, by=member)

    with pytest.raises(Conflict, match="is archived"):
        registry.set_alias(registered_model=model, alias="champion", model_version=second, by=member)

    registry.unarchive(model_version=second, by=member)
    registry.set_alias(registered_model=model, alias="champion", model_version=second, by=member)
    assert champion(model) == 2


@pytest.mark.parametrize("which", [0, -1, 99, "99", "nobody", "７", "1.0", True, 10**30, "9" * 5000, "\0"])
def test_a_version_that_is_not_there_is_not_found(model: RegisteredModel, which: Any) -> None:
    publish(model)

    with pytest.raises(NotFound):
        registry.version_of(model, which)


def test_a_model_is_found_by_slug_and_by_name_and_made_once(workspace: Workspace, member: User) -> None:
    made = [
        registry.get_or_create_model(workspace=workspace, name_or_slug=name, by=member)
        for name in ("House prices", "house-prices", "House  prices", "house prices")
    ]

    assert len({model.pk for model in made}) == 1
    assert made[0].slug == "house-prices"


def test_names_without_slug_characters_get_numbered_slugs(workspace: Workspace, member: User) -> None:
    first, second, again = (
        registry.get_or_create_model(workspace=workspace, name_or_slug=name, by=member)
        for name in ("客户流失", "房价", "客户流失")
    )

    assert (first.slug, second.slug) == ("model-1", "model-2")
    assert again == first


@pytest.mark.parametrize("name", ["", "  ", "x" * 121, "a\0b", "a\u202eb"])
def test_it_refuses_unreadable_names(workspace: Workspace, member: User, name: str) -> None:
    with pytest.raises(InvalidInput, match="needs a name"):
        registry.get_or_create_model(workspace=workspace, name_or_slug=name, by=member)


def test_a_comparison_says_which_version_is_better_at_what(model: RegisteredModel) -> None:
    a = publish(model, metrics={"rmse": 2.0, "r2": 0.5, "n": "text"}, params={"depth": 3})
    b = publish(model, metrics={"rmse": 1.0, "r2": 0.4}, params={"depth": 4, "rate": 0.1})

    found = registry.compare(a, b)

    assert {each.name: each.better for each in found.metrics} == {"rmse": "b", "r2": "a"}
    assert [(each.name, each.is_same) for each in found.params] == [("depth", False), ("rate", False)]
    assert all(each.is_same for each in found.features)


def test_versions_of_two_models_are_not_compared(
    model: RegisteredModel, workspace: Workspace, member: User
) -> None:
    other = registry.get_or_create_model(workspace=workspace, name_or_slug="Other", by=member)

    with pytest.raises(InvalidInput):
        registry.compare(publish(model), publish(other))


def test_a_version_without_onnx_has_no_download(model: RegisteredModel) -> None:
    version: ModelVersion = publish(model)

    with pytest.raises(Conflict, match="in-process"):
        registry.onnx_download(version)
