from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from predictor.models import BatchPrediction, ModelVersion, PredictionLog, RegisteredModel, User, Workspace
from predictor.models.prediction_log import first_id_at
from predictor.services.prediction_log import summary
from predictor.tests.services.versions import publish
from predictor.tests.web.prediction_pages import log_row
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

    assert "First steps" in page
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

    with django_assert_max_num_queries(22):
        assert client.get(reverse("workspace", args=["acme"])).status_code == 200


@pytest.fixture
def served(workspace: Workspace) -> ModelVersion:
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    return publish(model, metrics={"r2": 0.9})


def test_the_overview_shows_what_each_model_predicted(
    client: Client, member: User, served: ModelVersion
) -> None:
    hour_ago = timezone.now() - timedelta(hours=1)
    for warnings in ([], [], [], [{"code": "unseen"}]):
        log_row(served, pk=first_id_at(hour_ago), created_at=hour_ago, warnings=warnings)
        hour_ago += timedelta(milliseconds=1)
    summary.run()
    client.force_login(member)

    page = " ".join(client.get(reverse("workspace", args=["acme"])).text.split())

    assert 'aria-label="4 predictions in 30 days; most, 4, on' in page
    assert '<td class="num" data-label="Warnings">25 %</td>' in page
    assert 'R² 0.9</span> <span class="hint nowrap d-block">on held-out rows</span>' in page
    assert '<span class="figure">4</span> <span class="figure-label">Predictions</span>' in page
    assert "not on today’s predictions" in page
    assert "Needs attention" not in page
    assert "At work now" not in page


def test_the_overview_shows_jobs_at_work_and_what_failed(
    client: Client, member: User, workspace: Workspace, served: ModelVersion
) -> None:
    dataset = bare_dataset(workspace)
    running = make_run(dataset, status="running", progress=0.25, progress_message="Fitting ridge")
    failed = make_run(dataset, status="failed", error="All targets are equal.", finished_at=timezone.now())
    batch = BatchPrediction.objects.create(
        workspace=workspace, registered_model=served.registered_model, model_version=served, filename="rows.csv",
        format="csv", n_bytes=1, request_id="r", source_digest="0" * 64,
    )  # fmt: skip
    client.force_login(member)

    page = client.get(reverse("workspace", args=["acme"])).text

    assert reverse("training-run-detail", args=["acme", running.pk]) in page
    assert "25 %, Fitting ridge" in page
    assert reverse("batch-detail", args=["acme", "churn", batch.pk]) in page
    assert reverse("training-run-detail", args=["acme", failed.pk]) in page
    assert "All targets are equal." in page


def test_the_overview_reads_the_same_however_long_the_log_is(
    client: Client, member: User, served: ModelVersion
) -> None:
    client.force_login(member)
    statements: list[list[str]] = []
    for n in (1, 300):
        for _ in range(n):
            log_row(served, pk=uuid7_before(timezone.now() - timedelta(minutes=5)))
        summary.run()
        with CaptureQueriesContext(connection) as captured:
            client.get(reverse("workspace", args=["acme"]))
        statements.append([query["sql"] for query in captured])

    assert len(statements[0]) == len(statements[1]) <= 24
    of_log = [sql for sql in statements[1] if PredictionLog._meta.db_table in sql]
    assert of_log
    assert all("LIMIT" in sql and "COUNT(" not in sql for sql in of_log)


def uuid7_before(moment: datetime) -> uuid.UUID:
    return uuid.UUID(int=first_id_at(moment).int | uuid.uuid4().int >> 64)


@pytest.mark.parametrize(
    "path", ["/settings/tokens/", "/help/", "/notices/", "/api/docs/", "/accounts/email/"]
)
def test_pages_outside_of_a_workspace_have_the_menu_of_the_persons_first_one(
    client: Client, viewer: User, path: str
) -> None:
    client.force_login(viewer)
    page = client.get(path).text
    for target in ("/w/acme/datasets/", "/w/acme/models/", "/w/acme/predictions/"):
        assert f'href="{target}"' in page


def test_a_person_without_workspace_has_no_menu_of_one(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("nobody@example.org"))
    assert "/w/" not in client.get("/settings/tokens/").text
