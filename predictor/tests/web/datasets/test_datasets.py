from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from predictor.models import Dataset, User, Workspace
from predictor.tests.web.tables import EVIL_COLUMN, bare_dataset, csv_of, make_run, upload

XHR = {"X-Requested-With": "XMLHttpRequest"}


def url(name: str, *args: Any) -> str:
    return reverse(name, args=["acme", *args])


def file_of(data: bytes, name: str = "people.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="text/csv")


def send(client: Client, data: bytes, *, is_by_script: bool = True, **options: Any) -> Any:
    fields = {"file": file_of(data), **options}
    return client.post(url("dataset-upload"), fields, headers=XHR if is_by_script else {})


@pytest.fixture
def dataset(workspace: Workspace, member: User) -> Dataset:
    return upload(workspace, member)


PAGES = ["dataset-list", "dataset-upload"]
ROW_PAGES = ["dataset-detail", "dataset-download", "dataset-delete"]


@pytest.mark.parametrize("name", PAGES)
def test_anonymous_is_sent_to_sign_in(client: Client, workspace: Workspace, name: str) -> None:
    assert client.get(url(name))["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", ROW_PAGES)
def test_anonymous_does_not_learn_which_datasets_there_are(
    client: Client, workspace: Workspace, name: str
) -> None:
    pk = bare_dataset(workspace).pk

    for each in (pk, pk + 99):
        assert client.get(url(name, each))["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", ROW_PAGES)
def test_another_workspaces_dataset_answers_like_a_missing_one(
    client: Client, admin: User, other_workspace: Workspace, name: str
) -> None:
    theirs = bare_dataset(other_workspace)
    client.force_login(admin)

    there, nowhere = client.get(url(name, theirs.pk)), client.get(url(name, theirs.pk + 99))

    assert there.status_code == nowhere.status_code == 404


def test_a_viewer_may_not_upload_nor_add_a_sample(client: Client, viewer: User) -> None:
    client.force_login(viewer)

    assert client.get(url("dataset-upload")).status_code == 403
    assert client.post(url("dataset-sample", "iris")).status_code == 403
    assert not Dataset.objects.exists()


def test_a_member_may_not_delete(client: Client, member: User, workspace: Workspace) -> None:
    dataset = bare_dataset(workspace)
    client.force_login(member)

    assert client.post(url("dataset-delete", dataset.pk)).status_code == 403
    assert Dataset.objects.filter(pk=dataset.pk).exists()


def test_the_list_finds_by_name_and_sorts(client: Client, viewer: User, workspace: Workspace) -> None:
    bare_dataset(workspace, 1, name="Apples", n_rows=5)
    bare_dataset(workspace, 2, name="Apricots", n_rows=9)
    bare_dataset(workspace, 3, name="Cars")
    client.force_login(viewer)

    page = client.get(url("dataset-list"), {"q": "ap", "sort": "-rows"}).text

    assert page.index("Apricots") < page.index("Apples")
    assert "Cars" not in page


@pytest.mark.parametrize(
    "query", [{"sort": "sha256"}, {"page": "x"}, {"page": "-1"}, {"q": "\x00"}, {"q": "é" * 999}]
)
def test_the_list_takes_any_query(
    client: Client, viewer: User, workspace: Workspace, query: dict[str, str]
) -> None:
    bare_dataset(workspace)
    client.force_login(viewer)

    assert client.get(url("dataset-list"), query).status_code == 200


@pytest.mark.parametrize("n_rows", [2, 30])
def test_the_list_keeps_its_sql_budget(
    client: Client,
    viewer: User,
    workspace: Workspace,
    n_rows: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(n_rows):
        bare_dataset(workspace, number, created_by=viewer)
    client.force_login(viewer)

    with django_assert_max_num_queries(8):
        client.get(url("dataset-list"))


def test_an_upload_without_js_leads_to_the_dataset(client: Client, member: User) -> None:
    client.force_login(member)

    response = send(client, csv_of(), is_by_script=False, name="My people")

    dataset = Dataset.objects.get()
    assert response["Location"] == url("dataset-detail", dataset.pk)
    assert (dataset.name, dataset.n_rows, dataset.created_by) == ("My people", 40, member)


def test_an_upload_by_script_is_answered_with_the_url(client: Client, member: User) -> None:
    client.force_login(member)

    response = send(client, csv_of())

    assert response.status_code == 201
    assert response.json() == {"url": url("dataset-detail", Dataset.objects.get().pk)}


def test_the_same_file_again_is_the_same_dataset_and_says_so(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)

    response = client.post(url("dataset-upload"), {"file": file_of(csv_of())}, follow=True)

    assert Dataset.objects.count() == 1
    assert "was uploaded before" in response.text


def test_a_form_without_a_file_says_so(client: Client, member: User) -> None:
    client.force_login(member)

    response = client.post(url("dataset-upload"), {}, headers=XHR)

    assert response.status_code == 400
    assert response.json()["message"] == "Choose a CSV file first."


def test_an_empty_file_is_refused_with_the_services_sentence(client: Client, member: User) -> None:
    client.force_login(member)

    response = send(client, b"")

    assert response.status_code == 400
    assert "empty" in response.json()["message"]
    assert not Dataset.objects.exists()


def test_an_error_of_encoding_offers_the_suggested_one(client: Client, member: User) -> None:
    client.force_login(member)
    data = "name,b\ncafé,1\nthé,2\n".encode("cp1252")

    refused = send(client, data)
    remedy = refused.json()["remedy"]
    mended = send(client, data, **{remedy["option"]: remedy["value"]})

    assert refused.status_code == 400
    assert remedy == {"option": "encoding", "value": "cp1252", "label": "Read it as cp1252"}
    assert mended.status_code == 201


@pytest.mark.parametrize(
    ("data", "option"),
    [
        (b"a,b\n1,2\n3,4,5\n6,7\n", "skip_bad_rows"),
        (b"a,b\n1.5,2\ninf,4\n6.5,7\n7.5,8\n", "infinite_as_missing"),
    ],
)
def test_errors_of_bad_rows_and_infinite_numbers_offer_an_option(
    client: Client, member: User, data: bytes, option: str
) -> None:
    client.force_login(member)

    refused = send(client, data)
    remedy = refused.json()["remedy"]
    mended = send(client, data, **{remedy["option"]: remedy["value"]})

    assert refused.status_code == 400
    assert remedy["option"] == option
    assert mended.status_code == 201


def test_without_js_the_suggested_option_is_filled_in(client: Client, member: User) -> None:
    client.force_login(member)

    response = send(client, b"a,b\n1,2\n3,4,5\n6,7\n", is_by_script=False)

    assert response.status_code == 400
    assert response.context["form"]["skip_bad_rows"].value()
    assert "choose the file again" in response.text


def test_an_excel_file_is_refused_as_another_kind(client: Client, member: User) -> None:
    client.force_login(member)

    response = send(client, b"PK\x03\x04" + b"\0" * 60 + b"xl/workbook.xml")

    assert response.status_code == 415


def test_a_file_over_the_limit_is_refused_with_the_limit(
    client: Client, member: User, settings: Settings
) -> None:
    settings.MAX_UPLOAD_BYTES = 100
    client.force_login(member)

    response = send(client, csv_of())

    assert response.status_code == 413
    assert "100" in response.json()["message"]


def test_a_sample_becomes_a_dataset_with_source_and_licence(client: Client, member: User) -> None:
    client.force_login(member)

    response = client.post(url("dataset-sample", "iris"), follow=True)

    dataset = Dataset.objects.get()
    assert dataset.n_rows == 150
    assert dataset.licence in response.text


def test_an_unknown_sample_is_refused_in_words(client: Client, member: User) -> None:
    client.force_login(member)

    response = client.post(url("dataset-sample", "nothing"), follow=True)

    assert "There is no sample “nothing”." in response.text


def test_a_dataset_shows_its_rows_and_its_columns(client: Client, viewer: User, dataset: Dataset) -> None:
    client.force_login(viewer)

    page = client.get(url("dataset-detail", dataset.pk)).text

    assert "c00001" in page
    assert re.search(r"40 rows and \d+ columns, uploaded \S+ by member@example.org\.", unescape(page))
    assert "20 % (8)" in page, "the share of missing values of `paid`"
    assert "identifier" in page
    assert url("training-run-create", dataset.pk) not in page, "a viewer does not train"


def test_a_column_name_is_literal_everywhere(client: Client, member: User, dataset: Dataset) -> None:
    client.force_login(member)

    for name in ("dataset-detail", "training-run-create"):
        page = client.get(url(name, dataset.pk)).text
        assert EVIL_COLUMN not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_wide_dataset_shows_its_columns_in_pages(
    client: Client, viewer: User, workspace: Workspace
) -> None:
    names = [f"column_{index}" for index in range(150)]
    data = "\n".join(
        [",".join(names), *(",".join(str(row * index) for index in range(150)) for row in range(5))]
    )
    dataset = upload(workspace, data=data.encode() + b"\n")
    client.force_login(viewer)

    first = client.get(url("dataset-detail", dataset.pk))
    last = client.get(url("dataset-detail", dataset.pk), {"page": "3"})

    assert len(first.context["columns"]) == 60
    assert [card.column.name for card in last.context["columns"]] == names[120:]
    assert len(first.context["preview_columns"]) == 60


def test_a_dataset_page_keeps_its_sql_budget(
    client: Client, viewer: User, dataset: Dataset, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(4):
        make_run(dataset)
    client.force_login(viewer)

    with django_assert_max_num_queries(7):
        client.get(url("dataset-detail", dataset.pk))


def test_a_dataset_without_its_data_still_shows_what_was_found(
    client: Client, admin: User, dataset: Dataset
) -> None:
    make_run(dataset, status="cancelled")
    client.force_login(admin)

    client.post(url("dataset-delete", dataset.pk), {"keep": "description"})
    page = client.get(url("dataset-detail", dataset.pk)).text

    assert "The rows were deleted" in page
    assert url("dataset-download", dataset.pk) not in page
    assert client.get(url("training-run-create", dataset.pk))["Location"] == url("dataset-detail", dataset.pk)
    assert client.get(url("dataset-download", dataset.pk))["Location"] == url("dataset-detail", dataset.pk)


def test_the_download_is_the_same_bytes_and_never_a_page(
    client: Client, viewer: User, member: User, dataset: Dataset
) -> None:
    client.force_login(viewer)
    assert client.get(url("dataset-download", dataset.pk)).status_code == 403
    client.force_login(member)

    response = client.get(url("dataset-download", dataset.pk))

    assert response.getvalue() == csv_of()
    assert response["Content-Disposition"] == 'attachment; filename="people.csv"'
    assert response["Content-Type"] == "application/octet-stream"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_an_admin_deletes_after_being_asked(client: Client, admin: User, dataset: Dataset) -> None:
    client.force_login(admin)

    asked = client.get(url("dataset-delete", dataset.pk))
    done = client.post(url("dataset-delete", dataset.pk), follow=True)

    assert "Admins can restore it for 30 days" in asked.text
    assert "is in the trash" in done.text
    assert url("trash-restore", dataset.pk) in done.text
    assert not Dataset.objects.exists()


def test_without_a_trash_a_deleted_dataset_is_gone(
    client: Client, admin: User, dataset: Dataset, settings: Settings
) -> None:
    settings.TRASH_DAYS = 0
    client.force_login(admin)

    asked = client.get(url("dataset-delete", dataset.pk))
    done = client.post(url("dataset-delete", dataset.pk), follow=True)

    assert "cannot be undone" in asked.text
    assert "was deleted" in done.text
    assert not Dataset.with_trash.exists()


def test_a_dataset_in_use_is_kept_and_the_page_says_why(
    client: Client, admin: User, dataset: Dataset
) -> None:
    make_run(dataset)
    client.force_login(admin)

    response = client.post(url("dataset-delete", dataset.pk), follow=True)

    assert Dataset.objects.filter(pk=dataset.pk).exists()
    assert "A training run is still reading this dataset." in response.text


def test_the_answer_to_a_script_holds_the_first_problems(client: Client, member: User) -> None:
    client.force_login(member)

    answer = json.loads(send(client, b"a,b\n" + b"1,2,3\n" * 9 + b"1,2\n" * 20).content)

    assert len(answer["problems"]) == 5
    assert all(isinstance(problem, str) for problem in answer["problems"])


def test_a_columns_warning_stands_beside_the_column_and_not_twice(
    client: Client, viewer: User, workspace: Workspace
) -> None:
    rows = "".join(f"{index},{'' if index % 3 else index}\n" for index in range(60))
    dataset = upload(workspace, data=f"a,sparse\n{rows}".encode())
    client.force_login(viewer)

    context = client.get(url("dataset-detail", dataset.pk)).context

    assert context["warnings"] == []
    assert any(column.warnings for column in context["columns"])


def test_a_doubtful_header_is_skipped_with_one_click(client: Client, member: User) -> None:
    client.force_login(member)
    data = b"Cities\nname,city\nBob,Rome\nEve,Ulm\n"

    remedy = send(client, data).json()["remedy"]

    assert remedy == {"option": "skip_lines", "value": "1", "label": "Skip the first line"}
    assert send(client, data, **{remedy["option"]: remedy["value"]}).status_code == 201


def test_a_total_is_left_out_with_one_click(client: Client, member: User) -> None:
    client.force_login(member)
    send(client, b"Sales\n\na,b\n1,2\n2,3\n3,4\nTotal,9\n")
    first = Dataset.objects.get()
    page = client.get(url("dataset-detail", first.pk))
    (proposal,) = page.context["proposals"]

    response = client.post(url("dataset-read-again", first.pk), proposal.fields)

    again = Dataset.objects.exclude(pk=first.pk).get()
    assert "line 1, above the header:" in page.text
    assert response["Location"] == url("dataset-detail", again.pk)
    assert (first.n_rows, again.n_rows) == (4, 3)
    assert again.schema.columns[0].storage == "BIGINT"
    assert "Total,9" in client.get(url("dataset-detail", again.pk)).text


def test_reading_again_refuses_lines_that_do_not_work(client: Client, member: User, dataset: Dataset) -> None:
    client.force_login(member)

    for fields in ({"skip_lines": "-1"}, {"skip_lines": "90000"}, {"comment": "ab"}):
        response = client.post(url("dataset-read-again", dataset.pk), fields, follow=True)
        assert response.context["messages"]

    assert Dataset.objects.count() == 1
