from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from predictor.models import Dataset, ReadingChange, Scope, User, Workspace
from predictor.tests.api.conftest import Caller, problem

# Amounts with a word in every fourth row, and prices.
TABLE = "betrag;satz\n" + "".join(
    f"{'offen 1' if row % 4 == 0 else f'{row},5'};{row},25 €\n" for row in range(40)
)
AS_NUMBERS = {"column": "betrag", "reading": {"kind": "number", "decimal": ","}}


@pytest.fixture
def path(api: Caller) -> str:
    response = api.upload("datasets", SimpleUploadedFile("table.csv", TABLE.encode(), "text/csv"))
    return f"datasets/{response.json()['id']}"


def column_of(api: Caller, path: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in api.get(path).json()["columns"] if each["name"] == name)
    return found


def test_a_dataset_says_how_its_columns_are_read(api: Caller, path: str) -> None:
    read, text = column_of(api, path, "satz"), column_of(api, path, "betrag")

    assert read["reading"]["decimal"] == ","
    assert read["reading"]["words"] == "numbers, decimal mark “,”"
    evidence = read["evidence"]
    assert (evidence["n_read"], evidence["n_missing"], evidence["n_unreadable"]) == (40, 0, 0)
    assert evidence["confidence"] == "certain"
    assert {"text": "0,25 €", "n_cells": 1, "value": "0.25"} in evidence["examples"]
    assert (text["reading"], text["evidence"]) == (None, None)


def test_the_reading_of_a_column_comes_with_what_else_it_could_be(api: Caller, path: str) -> None:
    found = api.get(f"{path}/reading", column="betrag").json()

    assert (found["role"], found["storage"], found["reading"]) == ("categorical", "VARCHAR", None)
    assert [(each["reading"]["kind"], each["n_unreadable"]) for each in found["proposals"]] == [
        ("number", 10)
    ]
    assert found["examples"][0] == {"text": "offen 1", "n_cells": 10, "value": "offen 1"}


def test_a_preview_is_a_dry_run(api: Caller, path: str) -> None:
    response = api.post(f"{path}/reading-previews", {**AS_NUMBERS, "max_lost_share": 0.1})

    shown = response.json()
    assert response.status_code == 200
    assert (shown["n_newly_missing"], shown["evidence"]["n_unreadable"]) == (10, 10)
    assert shown["evidence"]["unreadable"] == [{"text": "offen 1", "n_cells": 10, "value": None}]
    assert (shown["before"]["role"], shown["after"]["role"]) == ("categorical", "numeric")
    assert "At most 10% may" in shown["refusal"]
    assert column_of(api, path, "betrag")["reading"] is None


def test_a_change_is_made_listed_and_undone(api: Caller, path: str, member: User) -> None:
    made = api.post(f"{path}/reading-changes", AS_NUMBERS)
    changed = column_of(api, path, "betrag")
    undone = api.post(f"{path}/reading-changes", {"undoes": made.json()["number"]})
    listed = api.get(f"{path}/reading-changes").json()["results"]

    assert (made.status_code, undone.status_code) == (201, 201)
    assert (changed["role"], changed["n_missing"], changed["minimum"]) == ("numeric", 10, 1.5)
    assert made.json()["created_by"] == member.email
    assert [(each["number"], each["undoes"]) for each in listed] == [(2, 1), (1, None)]
    assert listed[1]["undone_at"] == undone.json()["created_at"]
    assert column_of(api, path, "betrag")["reading"] is None


def test_too_many_lost_cells_are_refused_with_the_share_that_allows_them(api: Caller, path: str) -> None:
    refused = api.post(f"{path}/reading-changes", {**AS_NUMBERS, "max_lost_share": 0.2})

    detail = problem(refused, 400)
    assert detail["limit"] == 0.2
    assert "10 of 40 cells" in detail["detail"]
    assert "max_lost_share 0.25" in detail["detail"]
    assert api.post(f"{path}/reading-changes", {**AS_NUMBERS, "max_lost_share": 0.25}).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"column": "betrag"},
        {"column": "betrag", "reading": {"kind": "number"}, "undoes": 1},
        {"column": "betrag", "reading": "number"},
        {"column": "betrag", "reading": {"kind": "colour"}},
        {"column": "betrag", "reading": {"kind": "number", "decimal": "x"}},
        {"column": "none", "reading": {"kind": "number"}},
        {"column": "betrag", "reading": {"kind": "number"}, "max_lost_share": 2},
        {"undoes": "first"},
    ],
)
def test_a_body_that_makes_no_sense_is_refused(api: Caller, path: str, body: dict[str, Any]) -> None:
    problem(api.post(f"{path}/reading-changes", body), 400)

    assert not ReadingChange.objects.exists()


def test_a_change_that_is_not_there_is_not_found(api: Caller, path: str) -> None:
    problem(api.post(f"{path}/reading-changes", {"undoes": 7}), 404)


def test_a_column_has_to_be_named(api: Caller, path: str) -> None:
    problem(api.get(f"{path}/reading"), 400)


ENDPOINTS = [
    ("get", "reading?column=betrag"),
    ("post", "reading-previews"),
    ("get", "reading-changes"),
    ("post", "reading-changes"),
]


@pytest.mark.parametrize(("method", "endpoint"), ENDPOINTS)
def test_another_workspace_sees_nothing(
    api: Caller, outsider: Caller, anonymous: Caller, path: str, method: str, endpoint: str
) -> None:
    wanted = f"/api/v1/{api.workspace}/{path}/{endpoint}"
    own = f"/api/v1/{outsider.workspace}/{path}/{endpoint}"

    for caller, url, status in ((outsider, wanted, 404), (outsider, own, 404), (anonymous, wanted, 401)):
        response = caller.get(url) if method == "get" else caller.post(url, AS_NUMBERS)
        problem(response, status)
    assert not ReadingChange.objects.exists()


def test_a_viewer_and_a_token_that_only_reads_look_and_do_not_change(
    call_as: Any, workspace: Workspace, viewer: User, member: User, path: str
) -> None:
    for caller in (call_as(viewer, workspace), call_as(member, workspace, Scope.READ)):
        assert caller.get(f"{path}/reading", column="betrag").status_code == 200
        assert caller.post(f"{path}/reading-previews", AS_NUMBERS).status_code == 200
        problem(caller.post(f"{path}/reading-changes", AS_NUMBERS), 403)


def test_a_role_that_empties_too_many_cells_is_refused_before_the_run(api: Caller, path: str) -> None:
    body = {
        "dataset": Dataset.objects.get().pk,
        "target": "satz",
        "registered_model": "rates",
        "roles": {"betrag": "numeric"},
    }

    detail = problem(api.post("training-runs", {**body, "max_lost_share": 0.2}), 400)
    accepted = api.post("training-runs", {**body, "max_lost_share": 0.3})

    assert "10 of 40 cells of “betrag” are not read as numbers" in detail["detail"]
    assert accepted.status_code == 202
    assert accepted.json()["max_lost_share"] == 0.3


def test_categories_are_joined_by_the_names_of_a_training_request(api: Caller) -> None:
    rows = "".join(f"{('yes', 'no', 'Yes', 'NA')[row % 4]},{row}\n" for row in range(40))
    sent = SimpleUploadedFile("answers.csv", f"answer,x\n{rows}".encode(), "text/csv")
    path = f"datasets/{api.upload('datasets', sent).json()['id']}"
    reading = {"kind": "text", "ignores": ["case"], "missing": ["na"]}

    made = api.post(f"{path}/reading-changes", {"column": "answer", "reading": reading})

    assert made.status_code == 201
    column = column_of(api, path, "answer")
    shown = column["reading"]
    words = "categories without regard to blanks and case; missing: “na”"
    assert shown == {**reading, "spellings": ["Yes", "no"], "words": words}
    assert (column["n_missing"], column["n_distinct"]) == (10, 2)
    # A reading can be given back as it is shown, but for its words.
    del shown["words"]
    again = api.post(f"{path}/reading-changes", {"column": "answer", "reading": shown})
    assert problem(again, 409)["detail"]
