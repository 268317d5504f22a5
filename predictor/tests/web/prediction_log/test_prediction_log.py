from __future__ import annotations

import csv
import io
import json
import re
import uuid
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from predictor.models import ModelVersion, RegisteredModel, User, Workspace, uuid7
from predictor.services import registry
from predictor.services.prediction_log import log_pages, summary
from predictor.tests.services.versions import publish
from predictor.tests.web.prediction_pages import log_row, unescaped, url
from predictor.tests.web.served_versions import (
    EVIL_CATEGORY,
    EVIL_NUMBER,
    EVIL_TEXT,
    ROW,
)


def test_an_empty_log_says_what_to_do(client: Client, viewer: User) -> None:
    client.force_login(viewer)

    assert "Nothing was predicted yet" in client.get(url("prediction-list")).content.decode()


def test_the_log_is_paged_by_key_within_its_budget(
    client: Client, viewer: User, linear: ModelVersion, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    rows = [log_row(linear, id=uuid7(), output={"prediction": number}) for number in range(120)]
    client.force_login(viewer)
    seen: list[str] = []
    path = url("prediction-list")

    for _ in range(3):
        with django_assert_max_num_queries(9):
            page = client.get(path).content.decode()
        seen += re.findall(r'predictions/([0-9a-f-]{36})/"', page)
        older = re.search(r'rel="next" href="([^"]*)"', page)
        path = url("prediction-list") + unescaped(older[1]) if older else ""

    assert seen == [str(row.pk) for row in sorted(rows, key=lambda row: row.pk, reverse=True)]
    assert path == ""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "Łódź"}, {"a"}),
        ({"model": "article"}, {"a", "b"}),
        ({"model": "article", "version": "2"}, {"b"}),
        ({"version": "7"}, set()),
        ({"source": "form"}, {"b"}),
        ({"actor": "viewer@"}, {"a"}),
        ({"model": "other-model"}, {"c"}),
        ({"q": "leave"}, {"c"}),
        ({"q": "leave", "model": "article"}, set()),
        ({"warnings": "yes"}, {"b"}),
        ({"warnings": "no"}, {"a", "c"}),
        ({"warnings": "missing"}, {"b"}),
        ({"warnings": "miss"}, set()),
        ({"outcome": "leave"}, {"c"}),
        ({"outcome": "-0.4"}, {"a", "b"}),
        ({"outcome": "leave", "model": "article"}, set()),
    ],
)
def test_the_log_is_searched(
    client: Client,
    viewer: User,
    member: User,
    linear: ModelVersion,
    workspace: Workspace,
    query: Any,
    expected: Any,
) -> None:
    second = registry.register_linear(
        workspace=workspace, name="article", coefficients=[1, 1], intercept=0, by=member
    )
    other = publish(RegisteredModel.objects.create(workspace=workspace, slug="other-model", name="Other"))
    ids = {
        log_row(linear, inputs={"city": "Łódź"}, actor=viewer).pk: "a",
        log_row(second, source="form", warnings=[{"code": "missing", "message": "It is missing."}]).pk: "b",
        log_row(other, output={"prediction": "leave"}).pk: "c",
    }
    client.force_login(viewer)

    page = client.get(url("prediction-list"), query).content.decode()

    assert {name for pk, name in ids.items() if str(pk) in page} == expected


def test_the_log_is_searched_by_day(client: Client, viewer: User, linear: ModelVersion) -> None:
    now = timezone.now()
    old = log_row(linear, id=key_of(now - timedelta(days=3)))
    new = log_row(linear, id=key_of(now))
    client.force_login(viewer)

    since = client.get(url("prediction-list"), {"since": now.date().isoformat()}).content.decode()
    until = client.get(
        url("prediction-list"), {"until": (now - timedelta(days=1)).date().isoformat()}
    ).content.decode()

    assert (str(new.pk) in since, str(old.pk) in since) == (True, False)
    assert (str(new.pk) in until, str(old.pk) in until) == (False, True)


def key_of(moment: Any) -> uuid.UUID:
    """The id that a row of that moment would have."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80 | uuid.uuid4().int >> 48)


@pytest.mark.parametrize(
    "query",
    [{"version": "x"}, {"since": "yesterday"}, {"source": "fax"}, {"model": "nope"}, {"version": "9" * 30}],
)
def test_a_bad_filter_is_400_and_named(
    client: Client, viewer: User, linear: ModelVersion, query: dict[str, str]
) -> None:
    client.force_login(viewer)

    assert client.get(url("prediction-list"), query).status_code == 400
    assert client.get(url("prediction-export"), query).status_code == 400


def test_a_search_that_reaches_its_window_says_so_and_goes_on(
    client: Client, viewer: User, linear: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_pages, "WINDOW", 10)
    wanted = log_row(linear, inputs={"city": "Ulm"})
    for _ in range(12):
        log_row(linear)
    client.force_login(viewer)

    first = client.get(url("prediction-list"), {"q": "Ulm"}).content.decode()
    onward = re.search(r'rel="next" href="([^"]*)"', first)

    assert str(wanted.pk) not in first
    assert "Search further back" in first
    assert re.search(
        r"Nothing found back to \d+ [A-Z]\w\w 20\d\d, [:\d]+ UTC so far; what is older was not", first
    )
    assert onward
    assert str(wanted.pk) in client.get(url("prediction-list") + unescaped(onward[1])).content.decode()


def test_an_entry_shows_what_was_asked_and_answered(
    client: Client, viewer: User, version: ModelVersion
) -> None:
    row = log_row(
        version,
        inputs={**ROW, "extra": "<i>"},
        output={"prediction": "stay", "probabilities": {"stay": 0.75, "<b>leave</b>": 0.25}},
        warnings=[{"code": "extra", "column": "extra", "message": "The model does not use it."}],
        actor=viewer,
    )
    client.force_login(viewer)

    page = client.get(url("prediction-detail", row.pk)).content.decode()

    assert EVIL_NUMBER not in page
    assert EVIL_TEXT in page
    assert "&lt;i&gt;" in page
    assert "75 %" in page
    assert "not used" in page
    assert f"?from={row.pk}" in page
    assert "The model does not use it." in page


def test_an_entry_that_does_not_exist_is_404(client: Client, viewer: User) -> None:
    client.force_login(viewer)

    assert client.get(url("prediction-detail", uuid.uuid4())).status_code == 404
    assert client.get(url("prediction-list"), {"before": "nonsense"}).status_code == 404


def test_the_export_keeps_the_filters_and_neutralises_formulas(
    client: Client, viewer: User, linear: ModelVersion
) -> None:
    log_row(linear, source="form", output={"prediction": "=cmd()"})
    log_row(linear, source="api")
    client.force_login(viewer)

    as_csv = client.get(url("prediction-export"), {"source": "form"})
    as_lines = client.get(url("prediction-export"), {"source": "form", "format": "jsonl"})

    rows = list(csv.DictReader(io.StringIO(b"".join(as_csv.streaming_content).decode())))  # type: ignore[attr-defined]
    lines = b"".join(as_lines.streaming_content).splitlines()  # type: ignore[attr-defined]
    assert [row["prediction"] for row in rows] == ["'=cmd()"]
    assert [json.loads(line)["output"]["prediction"] for line in lines] == ["=cmd()"]
    assert "attachment" in as_csv["Content-Disposition"]
    assert client.get(url("prediction-export"), {"format": "xls"}).status_code == 404


def test_the_log_as_a_workbook_has_the_rows_of_the_search(
    client: Client, viewer: User, linear: ModelVersion
) -> None:
    log_row(linear, source="form", inputs={"x1": 7}, output={"prediction": "=cmd()"})
    log_row(linear, source="api")
    client.force_login(viewer)

    answer = client.get(url("prediction-export"), {"source": "form", "format": "xlsx"})

    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as workbook:  # type: ignore[attr-defined]
        sheet = workbook.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row>") == 2
    assert "=cmd()" in sheet
    assert answer["Content-Type"].endswith("spreadsheetml.sheet")


def test_the_log_is_read_oldest_first_by_its_head(client: Client, viewer: User, linear: ModelVersion) -> None:
    rows = [log_row(linear, id=uuid7()) for _ in range(120)]
    client.force_login(viewer)
    page = client.get(url("prediction-list")).content.decode()
    head = re.search(r'id="sort-when" href="([^"]*)"', page)
    seen: list[str] = []

    assert head
    path = url("prediction-list") + unescaped(head[1])
    while path:
        page = client.get(path).content.decode()
        assert 'aria-sort="ascending"' in page
        seen += re.findall(r'predictions/([0-9a-f-]{36})/"', page)
        newer = re.search(r'rel="next" href="([^"]*)"', page)
        path = url("prediction-list") + unescaped(newer[1]) if newer else ""

    assert seen == sorted(str(row.pk) for row in rows)


def test_a_search_oldest_first_says_how_far_it_came(
    client: Client, viewer: User, linear: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_pages, "WINDOW", 10)
    for _ in range(12):
        log_row(linear)
    wanted = log_row(linear, inputs={"city": "Ulm"})
    client.force_login(viewer)

    first = client.get(url("prediction-list"), {"q": "Ulm", "sort": "when"}).content.decode()
    onward = re.search(r'rel="next" href="([^"]*)"', first)

    assert str(wanted.pk) not in first
    assert "Nothing found up to" in first
    assert onward
    assert str(wanted.pk) in client.get(url("prediction-list") + unescaped(onward[1])).content.decode()


def test_one_model_has_a_column_for_each_input_and_class_and_the_choice_is_kept(
    client: Client, viewer: User, version: ModelVersion
) -> None:
    log_row(
        version,
        inputs=ROW,
        output={"prediction": "stay", "probabilities": {"stay": 0.75, "leave": 0.25}},
    )
    client.force_login(viewer)
    model = version.registered_model.slug
    names = [field.name for field in version.signature.fields]

    usual = client.get(url("prediction-list"), {"model": model})
    chosen = client.get(url("prediction-list"), {"model": model, "col": ["i1", "p1", "i999", "x"]})
    again = client.get(url("prediction-list"), {"model": model})
    others = client.get(url("prediction-list"))

    assert [head.label for head in usual.context["heads"]][3:-2] == [name[:40] for name in names[:6]]
    label = str(version.signature.labels[0])
    assert [head.key for head in chosen.context["heads"]] == ["when", "i1", "p1"]
    assert [head.key for head in again.context["heads"]] == ["when", "i1", "p1"]
    shown = {"stay": "75 %", "leave": "25 %"}.get(label, "–")
    assert f">{shown}</td>" in again.content.decode().replace("\xa0", " ")
    assert "inputs" in [head.key for head in others.context["heads"]]


def test_each_filter_says_how_many_predictions_it_has_and_is_a_chip(
    client: Client, viewer: User, linear: ModelVersion
) -> None:
    for source in ("api", "api", "form"):
        log_row(linear, id=key_of(timezone.now() - timedelta(hours=2)), source=source)
    summary.run()
    client.force_login(viewer)

    response = client.get(url("prediction-list"), {"model": "article", "source": "api"})
    page = response.content.decode()

    assert "REST API (2)" in page
    assert "Form (1)" in page
    assert '<option value="1">1 (3)</option>' in page
    chips = {chip.words: chip.url for chip in response.context["chips"]}
    assert chips[next(each for each in chips if each.startswith("Model"))] == "?source=api"
    assert chips["Source: REST API"] == "?model=article"
    assert "3 predictions since" in client.get(url("prediction-list")).content.decode()


def test_hostile_names_are_literal_in_the_log(client: Client, viewer: User, version: ModelVersion) -> None:
    log_row(version, inputs={EVIL_NUMBER: "<img src=x onerror=1>", EVIL_CATEGORY: 1, EVIL_TEXT: 2})
    client.force_login(viewer)

    page = client.get(url("prediction-list")).content.decode()

    assert EVIL_NUMBER not in page
    assert "<img src=x" not in page
    assert EVIL_CATEGORY in page
    assert EVIL_TEXT in page
