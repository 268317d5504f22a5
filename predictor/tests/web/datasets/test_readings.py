from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from predictor.ml.types.schema import Role
from predictor.models import Dataset, ReadingChange, User, Workspace
from predictor.services.datasets import readings
from predictor.tests.web.tables import upload

# Place 0: amounts with the word "offen 1" in ten of 40 cells; 1: euros; 2: two words; 3: plain numbers.
TABLE = (
    b"betrag;preis;antwort;x\n"
    + "".join(
        f"{'offen 1' if row % 4 == 0 else f'{row},5'};{row},25 €;{('ja', 'nein')[row % 2]};{row}\n"
        for row in range(40)
    ).encode()
)
AS_NUMBERS = {"kind": "number", "decimal": ",", "thousands": "", "max_lost_percent": "25"}


@pytest.fixture
def dataset(workspace: Workspace, member: User) -> Dataset:
    return upload(workspace, member, TABLE)


def page_of(dataset: Dataset, place: int = 0) -> str:
    return reverse("column-reading", args=["acme", dataset.pk, place])


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def test_the_dataset_says_how_each_column_is_read(client: Client, member: User, dataset: Dataset) -> None:
    client.force_login(member)

    text = text_of(client.get(reverse("dataset-detail", args=["acme", dataset.pk])))

    assert "Read as numbers, decimal mark “,”." in text
    assert "40 cells read · 0 missing" in text
    assert "<code>0,25 €</code> → <code>0.25</code>" in text
    assert "Stored as whole numbers: each filled cell is one." in text
    assert "It could also be: true and false." in text  # ja and nein
    assert "It could also be: numbers, decimal mark “,”." in text
    assert page_of(dataset) in text


def test_a_preview_shows_what_would_be_lost_and_stores_nothing(
    client: Client, viewer: User, dataset: Dataset
) -> None:
    client.force_login(viewer)

    response = client.post(page_of(dataset), {**AS_NUMBERS, "step": "preview", "max_lost_percent": "20"})

    text = text_of(response)
    assert response.status_code == 200
    assert "30 cells read · 0 missing · 10 unreadable" in text
    assert "10 cells would become missing" in text
    assert "At most 20% may." in text
    assert "<code>offen 1</code>" in text
    assert not ReadingChange.objects.exists()


def test_a_change_is_made_and_undone(client: Client, member: User, dataset: Dataset) -> None:
    client.force_login(member)

    response = client.post(page_of(dataset), {**AS_NUMBERS, "step": "apply"}, follow=True)
    changed = Dataset.objects.get().schema["betrag"]
    undo = reverse("reading-undo", args=["acme", dataset.pk, 1])

    assert "Read as numbers, decimal mark “,”, as a person chose." in text_of(response)
    assert undo in text_of(response)
    assert (changed.role, changed.n_missing) == (Role.NUMERIC, 10)
    after = text_of(client.post(undo, follow=True))
    assert "Undone. “betrag”: Kept as text." in after
    assert undo not in after
    assert Dataset.objects.get().schema["betrag"] == dataset.schema["betrag"]


def test_a_change_that_loses_too_much_is_refused_with_its_preview(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)

    response = client.post(page_of(dataset), {**AS_NUMBERS, "step": "apply", "max_lost_percent": "5"})

    text = text_of(response)
    assert response.status_code == 400
    assert "10 of 40 cells of “betrag”" in text
    assert "raise “Cells that may become missing, in percent” below" in text
    assert not ReadingChange.objects.exists()


@pytest.mark.parametrize(
    ("place", "fields", "sentence"),
    [
        (0, {"kind": "colour"}, "Select a valid choice"),
        (0, {"kind": "number", "decimal": ",", "thousands": ","}, "The thousands mark is “,”"),
        (0, {"kind": "date", "dates": ["Y-M-D"]}, "No cell of “betrag” can be read as dates"),
        (3, {"kind": "number"}, "Only text has a reading"),
    ],
)
def test_a_reading_that_cannot_be_is_refused_on_the_form(
    client: Client, member: User, dataset: Dataset, place: int, fields: dict[str, Any], sentence: str
) -> None:
    client.force_login(member)

    for step in ("preview", "apply"):
        response = client.post(page_of(dataset, place), {**fields, "step": step})
        assert response.status_code == 400
        assert sentence in text_of(response) or place == 3
    assert not ReadingChange.objects.exists()


def test_another_kind_is_a_link_to_its_preview(client: Client, viewer: User, dataset: Dataset) -> None:
    client.force_login(viewer)

    page = text_of(client.get(page_of(dataset, 2)))
    preview = text_of(client.get(page_of(dataset, 2) + "?kind=boolean"))

    assert 'href="?kind=boolean"' in page
    assert "Read as true and false." in preview
    assert "<code>ja</code></td> <td>true</td>" in preview


def test_the_form_begins_with_the_reading_that_the_column_has(
    client: Client, member: User, dataset: Dataset
) -> None:
    readings.change_reading(
        dataset=dataset,
        column="betrag",
        reading={"kind": "number", "decimal": ",", "missing": ["offen 1"]},
        by=member,
    )
    client.force_login(member)

    text = text_of(client.get(page_of(dataset)))

    assert '<option value="number" selected>' in text
    assert '<option value="," selected>Comma: 1,5' in text
    assert "> offen 1</textarea>" in text
    assert "10 missing, 10 of them words" in text


def test_a_viewer_tries_and_does_not_change(client: Client, viewer: User, dataset: Dataset) -> None:
    client.force_login(viewer)

    assert client.post(page_of(dataset), {**AS_NUMBERS, "step": "apply"}).status_code == 403
    assert client.post(reverse("reading-undo", args=["acme", dataset.pk, 1])).status_code == 403
    assert "Change the reading</button>" not in text_of(client.get(page_of(dataset)))


def test_another_workspaces_column_and_a_column_beyond_the_last_are_not_found(
    client: Client, stranger: User, member: User, dataset: Dataset
) -> None:
    client.force_login(stranger)
    assert client.get(page_of(dataset)).status_code == 404
    assert client.post(page_of(dataset), {**AS_NUMBERS, "step": "apply"}).status_code == 404
    client.force_login(member)
    assert client.get(page_of(dataset, 4)).status_code == 404


def test_an_undo_that_is_too_late_says_so(client: Client, member: User, dataset: Dataset) -> None:
    client.force_login(member)

    response = client.post(reverse("reading-undo", args=["acme", dataset.pk, 7]), follow=True)

    assert "This dataset has no change 7." in text_of(response)


def test_categories_are_joined_on_the_page_as_it_proposes(
    client: Client, member: User, workspace: Workspace
) -> None:
    rows = "".join(f"{('yes', 'no', 'Yes', 'NA')[row % 4]},{row}\n" for row in range(40))
    dataset = upload(workspace, member, f"answer,x\n{rows}".encode())
    client.force_login(member)

    page = client.get(page_of(dataset))
    links = [each.query for each in page.context["proposals"] if "categories" in each.words]
    preview = client.get(f"{page_of(dataset)}?{links[1]}")
    as_one = {"kind": "text", "ignores": ["case"], "missing": "NA", "max_lost_percent": "25"}
    client.post(page_of(dataset), {**as_one, "step": "apply"})

    assert links == ["kind=text&ignores=case", "kind=text&missing=na"]
    assert "30 cells read · 10 missing, 10 of them words" in text_of(preview)
    column = Dataset.objects.get(pk=dataset.pk).schema["answer"]
    assert [(each.value, each.count) for each in column.levels] == [("Yes", 20), ("no", 10)]
    assert column.reading is not None
    assert column.reading.missing == ("na",)
    form = client.get(page_of(dataset)).context["form"]
    assert (form["kind"].value(), form["ignores"].value(), form["missing"].value()) == (
        "text",
        ["case"],
        "na",
    )
    # Free text is not joined, whatever the hidden fields hold.
    client.post(page_of(dataset), {**as_one, "role": "text", "step": "apply"})
    assert Dataset.objects.get(pk=dataset.pk).schema["answer"].reading is None


def test_numbers_whose_mark_nothing_shows_are_in_doubt(
    client: Client, workspace: Workspace, member: User
) -> None:
    rows = b"".join(b"%d;3,0%02d\n" % (row, row) for row in range(40))
    dataset = upload(workspace, member, b"a;y\n" + rows)
    client.force_login(member)

    page = unescape(client.get(f"/w/{workspace.slug}/datasets/{dataset.pk}/").content.decode())

    assert "can be read in two ways" in page
    assert "in doubt" in page


@pytest.mark.parametrize("written", ["2024-{month:02}-05", "5.{month}.2024"])
def test_dates_are_drawn_over_time_however_they_are_written(
    client: Client, workspace: Workspace, member: User, written: str
) -> None:
    rows = "".join(f"{written.format(month=1 + min(row, 11))};{row}\n" for row in range(40))
    dataset = upload(workspace, member, f"day;y\n{rows}".encode())
    client.force_login(member)

    page = client.get(f"/w/{workspace.slug}/datasets/{dataset.pk}/").content.decode()

    # 29 of 40 rows are of December.
    assert "Most rows are between 2024-11-18 and 2024-12-05" in page
