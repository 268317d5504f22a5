from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from predictor.models import User, Workspace
from predictor.tests.web.tables import bare_dataset, make_run


def test_anonymous_is_sent_to_sign_in(client: Client, workspace: Workspace) -> None:
    for url in (reverse("home"), reverse("workspace", args=["acme"])):
        response = client.get(url)

        assert response.status_code == 302
        assert response["Location"].startswith(reverse("account_login"))


def test_another_workspace_answers_like_a_missing_one(
    client: Client, workspace: Workspace, stranger: User
) -> None:
    client.force_login(stranger)

    there, nowhere = (client.get(reverse("workspace", args=[slug])) for slug in ("acme", "nowhere"))

    assert there.status_code == nowhere.status_code == 404


def test_home_leads_to_the_first_workspace(client: Client, member: User) -> None:
    client.force_login(member)

    assert client.get(reverse("home"))["Location"] == reverse("workspace", args=["acme"])


def test_home_says_what_to_do_to_somebody_in_no_workspace(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("new@example.org", "a long enough secret"))

    response = client.get(reverse("home"))

    assert response.status_code == 200
    assert "Ask an admin of a workspace to add you" in response.text


def test_an_empty_workspace_invites_to_upload_or_to_take_a_sample(client: Client, member: User) -> None:
    client.force_login(member)

    page = client.get(reverse("workspace", args=["acme"])).text

    assert reverse("dataset-upload", args=["acme"]) in page
    assert reverse("dataset-sample", args=["acme", "iris"]) in page


def test_a_viewer_of_an_empty_workspace_is_not_invited_to_what_they_may_not_do(
    client: Client, viewer: User
) -> None:
    client.force_login(viewer)

    page = client.get(reverse("workspace", args=["acme"])).text

    assert reverse("dataset-upload", args=["acme"]) not in page
    assert reverse("dataset-sample", args=["acme", "iris"]) not in page
    assert "Ask a member" in page


def test_with_a_dataset_the_next_step_is_to_train(client: Client, member: User, workspace: Workspace) -> None:
    dataset = bare_dataset(workspace)
    client.force_login(member)

    page = client.get(reverse("workspace", args=["acme"])).text

    assert "Next step: train." in page
    assert reverse("training-run-create", args=["acme", dataset.pk]) in page


def test_the_overview_shows_nothing_of_another_workspace(
    client: Client, member: User, workspace: Workspace, other_workspace: Workspace
) -> None:
    bare_dataset(workspace)
    make_run(bare_dataset(other_workspace, 2, name="Secret table"), target="secret_target")
    client.force_login(member)

    page = client.get(reverse("workspace", args=["acme"])).text

    assert "Secret table" not in page
    assert "secret_target" not in page


@pytest.mark.parametrize("n_runs", [1, 8])
def test_the_overview_keeps_its_sql_budget(
    client: Client,
    member: User,
    workspace: Workspace,
    n_runs: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    dataset = bare_dataset(workspace)
    for _ in range(n_runs):
        make_run(dataset)
    client.force_login(member)

    with django_assert_max_num_queries(13):
        assert client.get(reverse("workspace", args=["acme"])).status_code == 200
