from __future__ import annotations

import io
import re
import zipfile
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from predictor.models import Dataset, User, Workspace
from predictor.services import datasets as dataset_services
from predictor.tests.services.datasets.uploads import load
from predictor.tests.web.tables import EVIL_COLUMN, upload

N_ROWS = 130
CSV = f'n,colour,"{EVIL_COLUMN}",price,day\n' + "".join(
    f'{i},{("red", "blue", "<b>green</b>")[i % 3]},note {i} 50 %,"$ {i:,}.50",2024-{i % 12 + 1:02}-05\n'
    for i in range(N_ROWS)
)


@pytest.fixture
def dataset(workspace: Workspace) -> Dataset:
    return load(workspace, CSV.encode())


@pytest.fixture
def wide(workspace: Workspace) -> Dataset:
    names = ",".join(f"x{i}" for i in range(80))
    rows = "".join(",".join(str(i * k % 97) for i in range(1, 81)) + "\n" for k in range(30))
    return load(workspace, f"{names}\n{rows}".encode(), "wide.csv")


@pytest.fixture
def as_viewer(client: Client, viewer: User) -> Client:
    client.force_login(viewer)
    return client


@pytest.fixture
def as_member(client: Client, member: User) -> Client:
    client.force_login(member)
    return client


def url(name: str, dataset: Dataset, query: str = "") -> str:
    return reverse(name, args=["acme", dataset.pk]) + query


def page(client: Client, dataset: Dataset, query: str = "", status: int = 200) -> str:
    response = client.get(url("dataset-rows", dataset, query))
    assert response.status_code == status
    return response.content.decode()


def numbers(html: str) -> list[int]:
    return [int(each.replace(",", "")) for each in re.findall(r'title="Link to this row">([\d,]+)</a>', html)]


def hrefs(html: str, pattern: str) -> list[str]:
    return [unescape(each) for each in re.findall(r'href="([^"]*)"', html) if re.search(pattern, each)]


def test_the_first_rows_are_shown_in_the_order_of_the_file(as_viewer: Client, dataset: Dataset) -> None:
    html = page(as_viewer, dataset)

    assert numbers(html) == list(range(1, 51))
    assert "<strong>130 rows</strong>" in html
    assert "&lt;b&gt;green&lt;/b&gt;" in html
    assert "<b>green</b>" not in html
    assert EVIL_COLUMN not in html


def test_heads_sort_up_down_and_back(as_viewer: Client, dataset: Dataset) -> None:
    queries = []
    html = page(as_viewer, dataset)
    for _ in range(3):
        link = re.search(r'id="sort-c1" href="([^"]*)"', html)
        assert link
        queries.append(unescape(link[1]))
        html = page(as_viewer, dataset, queries[-1])
    up, down, back = (numbers(page(as_viewer, dataset, query)) for query in queries)

    assert (up[0], down[0], back) == (1, 130, list(range(1, 51)))
    assert [parse_qs(urlsplit(query).query).get("sort") for query in queries] == [["c1"], ["-c1"], None]


def test_the_head_of_the_order_says_its_direction(as_viewer: Client, dataset: Dataset) -> None:
    html = page(as_viewer, dataset, "?sort=-c4")

    assert re.findall(r'aria-sort="(\w+)"', html) == ["descending"]
    assert numbers(html)[:3] == [130, 129, 128]


def test_filters_are_in_the_url_and_can_be_removed_one_by_one(as_viewer: Client, dataset: Dataset) -> None:
    html = page(as_viewer, dataset, "?c1.min=10&c1.max=40&c2.in=red&c2.in=blue&q=50+%25")

    assert numbers(html) == [i + 1 for i in range(10, 41) if i % 3 != 2]
    assert "21 of 130 rows" in html
    chips = [unescape(each) for each in re.findall(r'class="chip" href="[^"]*"[^>]*>([^<]*)<', html)]
    assert [each.strip() for each in chips] == ["Text “50 %”", "n from 10 and to 40", "colour is red or blue"]
    without_colour = next(
        each for each in hrefs(html, "c1.min") if "c2.in" not in each and "facets" not in each
    )
    assert numbers(page(as_viewer, dataset, without_colour)) == list(range(11, 42))


def test_the_form_works_without_script_and_leads_to_a_short_url(as_viewer: Client, dataset: Dataset) -> None:
    sent = "?q=&size=25&c1.min=&c1.max=&c2.in=red&c3.has=&col=1&col=2&col=4"

    response = as_viewer.get(url("dataset-rows", dataset, sent))

    assert response.status_code == 302
    assert urlsplit(response["Location"]).query == "c2.in=red&columns=1-2%2C4&size=25"
    html = as_viewer.get(response["Location"]).content.decode()
    assert numbers(html) == list(range(1, 76, 3))
    assert re.findall(r'id="sort-(c\d)"', html) == ["c1", "c2", "c4"]


def test_a_browser_remembers_the_columns_of_a_dataset(
    as_viewer: Client, dataset: Dataset, wide: Dataset
) -> None:
    page(as_viewer, dataset, "?columns=4,2")

    assert re.findall(r'id="sort-(c\d+)"', page(as_viewer, dataset)) == ["c4", "c2"]
    assert as_viewer.cookies["columns"]["path"] == url("dataset-rows", dataset)
    assert as_viewer.cookies["columns"]["httponly"]
    as_viewer.get(url("dataset-rows", dataset, "?reset=columns"))
    assert len(re.findall(r'id="sort-(c\d+)"', page(as_viewer, dataset))) == 5


def test_of_a_wide_table_the_first_columns_are_shown_and_others_can_be(
    as_viewer: Client, wide: Dataset
) -> None:
    html = page(as_viewer, wide)

    assert len(re.findall(r'id="sort-c\d+"', html)) == 30
    assert "50 columns not shown" in html
    assert re.findall(r'id="sort-(c\d+)"', page(as_viewer, wide, "?columns=79-80")) == ["c79", "c80"]
    assert "At most 60 columns" in page(as_viewer, wide, "?columns=1-61", status=400)


def test_named_rows_are_linked(as_viewer: Client, dataset: Dataset) -> None:
    html = page(as_viewer, dataset, "?rows=12,57")

    assert numbers(html) == [12, 57]
    assert "Row 12, 57" in html


def test_pages_lead_to_each_other(as_viewer: Client, dataset: Dataset) -> None:
    html = page(as_viewer, dataset, "?sort=-c1&page=2")
    links = {
        rel: unescape(link) for link, rel in re.findall(r'href="([^"]*)" rel="(first|prev|next|last)"', html)
    }

    assert "51 to 100 of 130" in html
    assert {rel: numbers(page(as_viewer, dataset, link))[0] for rel, link in links.items()} == {
        "first": 130, "prev": 130, "next": 30, "last": 30,
    }  # fmt: skip
    assert "This is behind the last row" in page(as_viewer, dataset, "?page=99999999999")


def test_a_filter_that_nothing_matches_says_so(as_viewer: Client, dataset: Dataset) -> None:
    for query in ("?c1.min=1000", "?c1.min=1000&page=2"):
        assert "No row matches" in page(as_viewer, dataset, query)


def test_a_page_behind_the_rows_that_match_leads_to_them(as_viewer: Client, dataset: Dataset) -> None:
    html = page(as_viewer, dataset, "?c1.min=100&sort=-c1&page=9")

    assert "30 of 130 rows" in html
    assert "No row matches" not in html
    assert "This is behind the last row" in html
    (first,) = re.findall(r'href="([^"]*)">Show the first rows', html)
    assert numbers(page(as_viewer, dataset, unescape(first)))[0] == 130


def test_values_are_counted_in_the_rows_that_match(as_viewer: Client, dataset: Dataset) -> None:
    html = page(as_viewer, dataset, "?c1.max=9&facets=2")

    box = html[html.index('id="filter-2"') :]
    found = re.findall(
        r'name="c2.in" value="([^"]*)".*?<span class="muted">(\d+)</span>', box[: box.index("</details>")]
    )
    assert [(unescape(value), int(n)) for value, n in found] == [("red", 4), ("<b>green</b>", 3), ("blue", 3)]


def test_texts_can_be_shown_as_they_are_read(as_viewer: Client, dataset: Dataset) -> None:
    assert "$ 1.50" in page(as_viewer, dataset)
    html = page(as_viewer, dataset, "?values=read")
    assert "$ 1.50" not in html
    assert ">1.5<" in html


@pytest.mark.parametrize(
    "query",
    [
        "?c99.min=1",
        "?c1.min=abc",
        "?c2.has=%00",
        "?sort=colour",
        "?rows=0",
        "?columns=7",
        "?columns=3-2",
        "?facets=x",
        "?facets=%20",
        "?facets=3-2",
        "?facets=6",
        "?c5.min=today",
    ],
)
def test_what_cannot_be_shown_is_said_in_a_sentence(as_viewer: Client, dataset: Dataset, query: str) -> None:
    html = page(as_viewer, dataset, query, status=400)

    assert 'role="alert"' in html
    assert "Show all rows" in html


def test_a_refused_filter_leaves_the_others_in_the_form(as_viewer: Client, dataset: Dataset) -> None:
    html = page(as_viewer, dataset, "?c1.min=3&c5.min=today&c2.in=red", status=400)

    assert "“day” needs a date" in unescape(html)
    assert 'name="c1.min" value="3"' in html
    assert "colour is red" in html


@pytest.mark.parametrize("query", ["?page=-1", "?page=x", "?size=7", "?other=1", "?c1.like=2", "?format=csv"])
def test_what_is_not_known_is_left_out(as_viewer: Client, dataset: Dataset, query: str) -> None:
    assert numbers(page(as_viewer, dataset, query)) == list(range(1, 51))


def test_members_download_what_is_shown(as_member: Client, dataset: Dataset) -> None:
    html = page(as_member, dataset, "?c1.min=126&sort=-c1&columns=1,4")
    links = {re.search("format=(.*)", link)[1]: link for link in hrefs(html, "format=")}  # type: ignore[index]

    text = as_member.get(links["csv"])
    book = as_member.get(links["xlsx"])

    assert text["Content-Disposition"] == 'attachment; filename="people-rows.csv"'
    assert b"".join(text).splitlines() == [  # type: ignore[arg-type]
        b"row,n,price", b"130,129,$ 129.50", b"129,128,$ 128.50", b"128,127,$ 127.50", b"127,126,$ 126.50",
    ]  # fmt: skip
    with zipfile.ZipFile(io.BytesIO(b"".join(book))) as package:  # type: ignore[arg-type]
        assert b"<v>129</v>" in package.read("xl/worksheets/sheet1.xml")


def test_viewers_see_no_download_and_get_none(as_viewer: Client, dataset: Dataset) -> None:
    assert hrefs(page(as_viewer, dataset), "format=") == []
    assert as_viewer.get(url("dataset-rows-download", dataset)).status_code == 403


def test_a_download_that_is_refused_comes_back_with_the_sentence(as_member: Client, dataset: Dataset) -> None:
    response = as_member.get(url("dataset-rows-download", dataset, "?format=exe&c1.min=3"), follow=True)

    assert response.redirect_chain[0][0].endswith("/rows/?c1.min=3")
    assert "Rows are downloaded as csv or xlsx." in response.content.decode()


def test_a_download_with_a_refused_filter_says_so_once(as_member: Client, dataset: Dataset) -> None:
    response = as_member.get(url("dataset-rows-download", dataset, "?format=csv&c1.min=abc"), follow=True)

    assert response.status_code == 400
    assert response.content.decode().count("needs a number such as 12.5") == 1


@pytest.mark.parametrize("query", ["?c01.min=100", "?c1.mim=100", "?colums=1", "?page_size=5"])
def test_a_file_is_refused_where_the_page_would_ignore_a_name(
    as_member: Client, dataset: Dataset, query: str
) -> None:
    response = as_member.get(url("dataset-rows-download", dataset, query))

    assert response.status_code == 400
    assert "is not known" in response.content.decode()


def test_rows_of_another_workspace_are_not_found(
    client: Client, admin: User, other_workspace: Workspace, dataset: Dataset
) -> None:
    client.force_login(admin)
    for name in ("dataset-rows", "dataset-rows-download"):
        assert client.get(reverse(name, args=[other_workspace.slug, dataset.pk])).status_code == 404


def test_removed_rows_lead_to_the_dataset(as_viewer: Client, dataset: Dataset) -> None:
    dataset_services.delete(dataset=dataset, by=None, keep_metadata=True)

    assert as_viewer.get(url("dataset-rows", dataset))["Location"] == url("dataset-detail", dataset)


def test_the_page_takes_a_fixed_number_of_statements(
    as_viewer: Client, dataset: Dataset, wide: Dataset, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for each, query in ((dataset, ""), (wide, "?columns=1-60&c1.min=3&size=250")):
        with django_assert_max_num_queries(6):
            page(as_viewer, each, query)


def test_the_dataset_leads_to_its_rows(as_viewer: Client, workspace: Workspace, member: User) -> None:
    dataset: Any = upload(workspace, member)

    assert url("dataset-rows", dataset) in as_viewer.get(url("dataset-detail", dataset)).content.decode()
