from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from predictor.errors import Conflict, InvalidInput, NotFound
from predictor.models import RegisteredModel, User, Workspace
from predictor.services import registry
from predictor.tests.services.versions import publish


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
