from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from predictor.models import RegisteredModel, User, Workspace
from predictor.services import registry
from predictor.services.search import MAX_HITS, Hit, search
from predictor.tests.web.tables import bare_dataset, make_run, upload


def model_of(workspace: Workspace, name: str, n_versions: int = 1) -> RegisteredModel:
    for _ in range(n_versions):
        version = registry.register_linear(
            workspace=workspace, name=name, coefficients=[1.0], intercept=0.0, by=None
        )
    return version.registered_model


def titles(hits: list[Hit]) -> list[tuple[str, str]]:
    return [(hit.kind, hit.title) for hit in hits]


def test_it_finds_each_kind_by_a_part_of_its_name(workspace: Workspace, admin: User) -> None:
    dataset = upload(workspace, admin)
    run = make_run(dataset)
    model = model_of(workspace, "Churn of customers")

    found = search(workspace, "CUSTOM")

    assert ("model", model.name) in titles(found)
    assert [hit.pk for hit in search(workspace, str(run.pk)) if hit.kind == "run"] == [run.pk]
    assert [hit.pk for hit in search(workspace, dataset.name[1:]) if hit.kind == "dataset"] == [dataset.pk]


def test_names_that_begin_with_the_text_come_first(workspace: Workspace) -> None:
    for name in ("churn", "old churn", "new churn"):
        model_of(workspace, name)

    assert titles(search(workspace, "churn"))[0] == ("model", "churn")


@pytest.mark.parametrize("text", ["churn 2", "churn v2", "Churn version 2", "chu, 2"])
def test_a_name_with_a_number_is_a_version(workspace: Workspace, text: str) -> None:
    model_of(workspace, "churn", n_versions=3)

    hit = search(workspace, text)[0]

    assert (hit.kind, hit.slug, hit.number) == ("version", "churn", 2)


def test_nothing_of_another_workspace_is_found(workspace: Workspace, other_workspace: Workspace) -> None:
    model_of(other_workspace, "secret churn")

    assert search(workspace, "churn") == []


@pytest.mark.parametrize("text", ["", "  ", "%", "_", "\0", "x" * 10_000, "9" * 40, "'; --"])
def test_odd_texts_find_nothing_and_are_no_error(workspace: Workspace, text: str) -> None:
    model_of(workspace, "churn")

    assert search(workspace, text) == []


def test_hits_and_queries_are_bounded_and_leave_room_for_each_kind(workspace: Workspace) -> None:
    for number in range(30):
        RegisteredModel.objects.create(workspace=workspace, slug=f"t{number}", name=f"customers {number}")
    bare_dataset(workspace, name="customers")

    with CaptureQueriesContext(connection) as asked:
        found = search(workspace, "customers")

    assert len(found) == MAX_HITS
    assert "dataset" in {hit.kind for hit in found}
    assert len(asked) <= 6
