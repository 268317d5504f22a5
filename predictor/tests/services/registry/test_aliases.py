from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from predictor.errors import Conflict, InvalidInput, NotFound
from predictor.models import AliasChange, RegisteredModel, User, Workspace
from predictor.services import registry
from predictor.services.process import short_cache
from predictor.services.registry import aliases
from predictor.tests.services.versions import publish


def champion(model: RegisteredModel) -> int:
    return registry.version_of(model).number


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
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
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


@pytest.mark.parametrize("alias", ["a", "blue_green", "2024-01", "1a", "x" * 40])
def test_it_takes_small_letters_digits_hyphens_and_underscores(
    model: RegisteredModel, member: User, alias: str
) -> None:
    version = publish(model)

    made = registry.set_alias(registered_model=model, alias=alias, model_version=version, by=member)

    assert (made.alias, made.model_version) == (alias, version)
    assert registry.version_of(model, alias) == version


def test_the_history_is_newest_first_and_of_one_alias_on_request(
    model: RegisteredModel, member: User
) -> None:
    first, second = publish(model), publish(model)
    registry.set_alias(registered_model=model, alias="blue", model_version=second, by=member)
    registry.set_alias(registered_model=model, alias="champion", model_version=second, by=member)
    registry.roll_back(registered_model=model, by=None)

    def changes(alias: str | None = None) -> list[tuple[str, Any, Any, bool, Any]]:
        return [
            (each.alias, each.previous_version, each.model_version, each.is_roll_back, each.changed_by)
            for each in registry.history(model, alias)
        ]

    rolled_back = ("champion", second, first, True, None)
    promoted, made = ("champion", first, second, False, member), ("champion", None, first, False, None)
    assert changes("champion") == [rolled_back, promoted, made]
    assert changes() == [rolled_back, promoted, ("blue", None, second, False, member), made]
    assert changes("nobody") == []


def test_removing_an_alias_is_a_change_in_its_history(model: RegisteredModel, member: User) -> None:
    version = publish(model)

    registry.remove_alias(registered_model=model, alias="champion", by=member)

    newest = registry.history(model)[0]
    assert (newest.previous_version, newest.model_version, newest.changed_by) == (version, None, member)
    assert not newest.is_roll_back


def test_an_alias_that_is_not_there_can_be_neither_removed_nor_rolled_back(
    model: RegisteredModel, member: User
) -> None:
    publish(model)

    with pytest.raises(NotFound, match="Churn has no alias “blue”"):
        registry.remove_alias(registered_model=model, alias="blue", by=member)
    with pytest.raises(Conflict, match="no earlier version that “blue” of Churn could go back to"):
        registry.roll_back(registered_model=model, alias="blue", by=member)
    assert AliasChange.objects.count() == 1


def test_two_aliases_do_not_share_their_trail(model: RegisteredModel, member: User) -> None:
    first, second = publish(model), publish(model)
    registry.set_alias(registered_model=model, alias="blue", model_version=second, by=member)
    registry.set_alias(registered_model=model, alias="champion", model_version=second, by=member)

    with pytest.raises(Conflict):
        registry.roll_back(registered_model=model, alias="blue", by=member)

    assert registry.roll_back(registered_model=model, by=member).model_version == first


def test_caches_are_cleared_by_a_change_only(
    model: RegisteredModel, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = publish(model), publish(model)
    cleared: list[str] = []
    monkeypatch.setattr(short_cache, "clear_after_commit", lambda: cleared.append("once"))

    registry.set_alias(registered_model=model, alias="champion", model_version=first, by=member)
    assert cleared == []

    registry.set_alias(registered_model=model, alias="champion", model_version=second, by=member)
    registry.remove_alias(registered_model=model, alias="champion", by=member)
    assert cleared == ["once"] * 2


def test_a_locked_model_is_read_again(model: RegisteredModel) -> None:
    RegisteredModel.objects.filter(pk=model.pk).update(last_version_number=7)

    assert aliases.locked_model(model).last_version_number == 7
    assert model.last_version_number == 0
