from __future__ import annotations

import csv
import io
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from predictor.models import (
    BatchPrediction,
    Dataset,
    JobStatus,
    ModelVersion,
    RegisteredModel,
    TrainingRun,
    User,
    Workspace,
)
from predictor.services.accounts import tokens
from predictor.tests.web.tables import bare_dataset
from predictor.web.pages import tables

N_DATASETS = 30
NAMES = [f"set {i:02}" for i in range(N_DATASETS)]


@pytest.fixture
def signed_in(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


@pytest.fixture
def many(workspace: Workspace) -> list[Dataset]:
    """Datasets whose order by size is not the one by name; all of the same number of rows but one."""
    return [
        bare_dataset(workspace, i, name=name, n_bytes=i * 7 % 30, n_rows=5 + (i == 3))
        for i, name in enumerate(NAMES)
    ]


def shown(client: Client, query: str = "", name: str = "dataset-list", *args: Any) -> str:
    response = client.get(reverse(name, args=args or ["acme"]) + query)
    assert response.status_code == 200
    return response.content.decode()


def names(html: str) -> list[str]:
    return re.findall(r">(set \d\d)</a>", html)


def head(html: str, key: str) -> str:
    match = re.search(rf'id="sort-{key}" href="([^"]*)"', html)
    assert match
    return unescape(match[1])


def csv_of(response: Any) -> list[list[str]]:
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(response.content.decode(), newline="")))


def test_the_newest_come_first_until_a_head_is_chosen(signed_in: Client, many: list[Dataset]) -> None:
    assert names(shown(signed_in)) == NAMES[::-1][:25]
    assert names(shown(signed_in, "?page=2")) == NAMES[::-1][25:]


def test_a_head_sorts_up_then_down_then_not(signed_in: Client, many: list[Dataset]) -> None:
    by_size = sorted(NAMES, key=lambda name: NAMES.index(name) * 7 % 30)
    up = head(shown(signed_in), "size")
    down = head(shown(signed_in, up), "size")
    back = head(shown(signed_in, down), "size")

    assert (up, down, back) == ("?sort=size", "?sort=-size", "?")
    assert names(shown(signed_in, up)) == by_size[:25]
    assert names(shown(signed_in, down)) == by_size[::-1][:25]
    assert 'aria-sort="descending"' in shown(signed_in, down)


def test_equal_rows_have_one_order_on_all_pages(signed_in: Client, many: list[Dataset]) -> None:
    pages = [names(shown(signed_in, f"?sort=rows&page={page}")) for page in (1, 2)]

    assert pages[0] + pages[1] == [name for name in NAMES if name != "set 03"] + ["set 03"]


def test_search_keeps_the_order_and_goes_back_to_the_first_page(
    signed_in: Client, many: list[Dataset]
) -> None:
    html = shown(signed_in, "?sort=name&q=set+1&page=7")

    assert names(html) == [f"set 1{i}" for i in range(10)]
    assert '<input type="hidden" name="sort" value="name">' in html
    assert head(html, "size") == "?sort=size&q=set+1"
    assert names(shown(signed_in, "?q=%25")) == []


@pytest.mark.parametrize(
    "query", ["?sort=password", "?sort=--name", "?size=1000000", "?page=x", "?sort=%00", "?page=-3"]
)
def test_what_is_not_known_is_left_out(signed_in: Client, many: list[Dataset], query: str) -> None:
    assert len(names(shown(signed_in, query))) in (5, 25)
    assert names(shown(signed_in, query))[-1] in (NAMES[5], NAMES[0])


@pytest.mark.parametrize("query", ["sort=nmae", "qq=set", "Sort=name"])
def test_a_list_as_csv_is_refused_where_the_page_would_ignore_a_part_of_the_url(
    signed_in: Client, many: list[Dataset], query: str
) -> None:
    path = reverse("dataset-list", args=["acme"])

    refused = signed_in.get(f"{path}?format=csv&{query}")

    assert refused.status_code == 400
    assert "is not known" in refused.content.decode()
    assert signed_in.get(f"{path}?format=csv&utm_source=mail").status_code == 200


def test_a_list_is_downloaded_as_it_is_shown_with_all_its_pages(
    signed_in: Client, many: list[Dataset]
) -> None:
    Dataset.objects.filter(name="set 07").update(name="=set 1 7")

    html = shown(signed_in, "?q=set+1&sort=-name")
    link = re.search(r'href="([^"]*format=csv[^"]*)"', html)
    assert link
    rows = csv_of(signed_in.get(reverse("dataset-list", args=["acme"]) + unescape(link[1])))

    assert rows[0][:3] == ["id", "name", "filename"]
    assert [row[1] for row in rows[1:]] == [*(f"set 1{i}" for i in range(9, -1, -1)), "'=set 1 7"]


def test_a_list_says_where_its_file_ends(
    signed_in: Client, many: list[Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "The file has the first" not in shown(signed_in)
    monkeypatch.setattr(tables, "MAX_CSV_ROWS", 7)

    assert "The file has the first 7." in shown(signed_in)
    assert len(csv_of(signed_in.get(reverse("dataset-list", args=["acme"]), {"format": "csv"}))) == 1 + 7


@pytest.fixture
def rows_of_all(workspace: Workspace, admin: User, member: User, version: ModelVersion) -> ModelVersion:
    """Two rows for each list."""
    model, dataset = version.registered_model, bare_dataset(workspace)
    RegisteredModel.objects.create(workspace=workspace, slug="other", name="Other")
    for i, status in enumerate((JobStatus.SUCCEEDED, JobStatus.FAILED)):
        TrainingRun.objects.create(
            workspace=workspace, dataset=dataset, registered_model=model, target=f"target {i}", task="regression",
            budget_seconds=10, seed=0, status=status, error="It went wrong." * i,
            created_by=member,
        )  # fmt: skip
        BatchPrediction.objects.create(
            workspace=workspace, registered_model=model, model_version=version, filename=f"file {i}.csv", status=status,
            format="csv", n_bytes=9, error="It went wrong." * i, result_digest="0" * 64, request_id=f"r{i}",
            created_by=member,
        )  # fmt: skip
        tokens.create_token(user=admin, workspace=workspace, name=f"token {i}", scopes=["read"])
    return version


LISTS = [
    ("dataset-list", ["acme"], ["name", "rows", "columns", "size", "created"]),
    ("training-run-list", ["acme"], ["run", "target", "estimator", "model", "status", "queued"]),
    ("model-list", ["acme"], ["name", "versions", "trained"]),
    ("batch-list", ["acme", "churn"], ["file", "status", "rows", "errors", "version", "queued", "by"]),
    ("activity-batches", ["acme"], ["file", "model", "status", "rows", "errors", "version", "queued", "by"]),
    ("member-list", ["acme"], ["email", "role", "seen", "since"]),
    ("token-list", [], ["name", "workspace", "used", "ends", "created"]),
]


@pytest.mark.parametrize(("name", "args", "keys"), LISTS)
def test_each_list_sorts_by_its_heads_and_comes_as_csv(
    signed_in: Client,
    rows_of_all: ModelVersion,
    name: str,
    args: list[str],
    keys: list[str],
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    address = reverse(name, args=args)
    html = signed_in.get(address).content.decode()

    assert re.findall(r'id="sort-(\w+)"', html) == keys
    assert html.count("aria-sort") == 1
    for key in keys:
        for sign, direction in (("", "ascending"), ("-", "descending")):
            with django_assert_max_num_queries(14):
                answer = signed_in.get(address, {"sort": sign + key}).content.decode()
            assert f'aria-sort="{direction}"' in answer
    rows = csv_of(signed_in.get(address, {"format": "csv"}))
    assert len(rows) > 1
    assert {len(row) for row in rows} == {len(rows[0])}


def test_runs_and_members_are_narrowed_by_a_choice(
    signed_in: Client, rows_of_all: ModelVersion, viewer: User
) -> None:
    failed = shown(signed_in, "?status=failed", "training-run-list")
    assert "target 1" in failed
    assert "target 0" not in failed
    assert "target 0" in shown(signed_in, "?status=nothing", "training-run-list")
    assert "No run is like that" in shown(signed_in, "?status=queued", "training-run-list")

    only_viewers = csv_of(
        signed_in.get(reverse("member-list", args=["acme"]), {"role": "viewer", "format": "csv"})
    )
    assert [row[0] for row in only_viewers[1:]] == [viewer.email]


def test_lists_as_csv_stay_within_their_workspace(
    client: Client, stranger: User, signed_in: Client, rows_of_all: ModelVersion
) -> None:
    client.force_login(stranger)
    for name, args, _ in LISTS[:-1]:
        assert client.get(reverse(name, args=args), {"format": "csv"}).status_code == 404
    assert csv_of(client.get(reverse("token-list"), {"format": "csv"}))[1:] == []
