from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from predictor.models import ModelVersion, PredictionLog, RegisteredModel, Workspace, uuid7
from predictor.models.prediction_log import first_id_at, moment_of
from predictor.services import prediction_log
from predictor.services.prediction_log import log_pages
from predictor.services.prediction_log.log_pages import LogPage
from predictor.services.prediction_log.prediction_log import LogSearch
from predictor.tests.services.versions import publish
from predictor.tests.web.prediction_pages import log_row


def pages(workspace: Workspace, wanted: LogSearch, size: int) -> Iterator[LogPage]:
    """Every page, as somebody would turn them."""
    before = None
    while True:
        page = log_pages.page(workspace, wanted, before=before, size=size)
        yield page
        if page.older is None:
            return
        assert before is None or page.older < before
        before = page.older


# --- The indexes behind a page -------------------------------------------------------------------------------
SEARCHES: dict[str, tuple[dict[str, Any], str]] = {
    "newest": ({}, "prediction_log_workspace_id"),
    "older": ({"before": True}, "prediction_log_workspace_id"),
    "one version": ({"model": "m"}, "prediction_log_version_id"),
    "a time": ({"since": datetime(2026, 1, 1, tzinfo=UTC)}, "prediction_log_workspace_id"),
    "a request": ({"request_id": "r"}, "prediction_log_request_id"),
    "a text": ({"text": "berlin"}, "prediction_log_workspace_id"),
}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans by what the tables hold.")
@pytest.mark.parametrize("name", SEARCHES)
def test_log_pages_use_an_index_without_sorting(
    version: ModelVersion, workspace: Workspace, name: str
) -> None:
    search, index = SEARCHES[name]
    wanted = LogSearch(**{name: value for name, value in search.items() if name != "before"})
    before = first_id_at(timezone.now()) if "before" in search else None

    plans = explained(lambda: log_pages.page(workspace, wanted, before=before))

    assert index in plans
    assert "SCAN predictor_predictionlog" not in plans
    assert "TEMP B-TREE" not in plans


def explained(ask: Any) -> str:
    """The plans of all queries on the log that `ask` makes."""
    asked: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        ask()
    plans = []
    with connection.cursor() as cursor:
        for sql, params in asked:
            if "predictor_predictionlog" in sql:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
                plans += [row[3] for row in cursor.fetchall()]
    return "\n".join(plans)


# --- What is on a page ---------------------------------------------------------------------------------------
def test_a_request_is_found_however_old_it_is(
    version: ModelVersion, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_pages, "WINDOW", 3)
    for number in range(6):
        log_row(version, request_id=f"r-{number}")

    page = log_pages.page(workspace, LogSearch(request_id="r-0"))

    assert [row.request_id for row in page.rows] == ["r-0"]
    assert (page.older, page.searched_back_to) == (None, None)


def test_a_page_over_several_versions_loses_and_repeats_nothing(workspace: Workspace) -> None:
    model = RegisteredModel.objects.create(workspace=workspace, slug="article", name="Article")
    versions = [publish(model) for _ in range(3)]
    rows = [log_row(versions[number % 7 % 3]) for number in range(40)]

    found = [row.pk for page in pages(workspace, LogSearch(model="article"), 7) for row in page.rows]

    assert found == sorted((row.pk for row in rows), reverse=True)


@pytest.mark.parametrize(
    ("n_rows", "sizes"), [(0, [0]), (1, [1]), (2, [2]), (3, [3]), (4, [3, 1]), (6, [3, 3]), (7, [3, 3, 1])]
)
def test_a_full_page_has_a_next_one_only_if_there_are_more_rows(
    version: ModelVersion, workspace: Workspace, n_rows: int, sizes: list[int]
) -> None:
    for _ in range(n_rows):
        log_row(version)

    assert [len(page.rows) for page in pages(workspace, LogSearch(), 3)] == sizes


def test_what_no_version_has_is_an_empty_page(
    version: ModelVersion, workspace: Workspace, other_workspace: Workspace
) -> None:
    log_row(version)
    theirs = publish(RegisteredModel.objects.create(workspace=other_workspace, slug="theirs", name="Theirs"))
    log_row(theirs)

    for wanted in (LogSearch(model="theirs"), LogSearch(version=9), LogSearch(model="m", version=2)):
        assert log_pages.page(workspace, wanted) == LogPage(rows=())
    assert len(log_pages.page(workspace).rows) == 1


def test_a_search_without_an_index_says_how_far_back_it_looked(
    version: ModelVersion, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_pages, "WINDOW", 4)
    rows = [log_row(version, source="form" if number == 0 else "api") for number in range(6)]

    first, second = pages(workspace, LogSearch(source="form"), 3)

    assert (first.rows, first.older) == ((), rows[2].pk)
    assert first.searched_back_to == moment_of(rows[2].pk)
    assert (second.rows, second.older, second.searched_back_to) == ((rows[0],), None, None)


def test_the_window_of_several_versions_ends_where_the_busiest_one_has_filled_its_part(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_pages, "WINDOW", 4)
    model = RegisteredModel.objects.create(workspace=workspace, slug="m", name="M")
    versions = [publish(model), publish(model)]
    rows = [log_row(versions[place]) for place in (0, 0, 0, 1, 1, 1)]

    first = log_pages.page(workspace, LogSearch(model="m", text="nowhere"), size=1)

    # Two rows for each version: the second newest of version 2 is newer than that of version 1.
    assert (first.rows, first.older) == ((), rows[4].pk)


def test_a_request_of_one_model_is_found_behind_many_newer_rows(
    version: ModelVersion, workspace: Workspace
) -> None:
    oldest = log_row(version, request_id="r-0")
    for _ in range(5):
        log_row(version)

    page = log_pages.page(workspace, LogSearch(model="m", request_id="r-0"), size=1)

    assert page == LogPage(rows=(oldest,))


def test_a_page_is_read_without_a_query_for_each_row(
    version: ModelVersion, workspace: Workspace, django_assert_num_queries: Any
) -> None:
    for _ in range(5):
        log_row(version)
    (page,) = pages(workspace, LogSearch(), 10)

    with django_assert_num_queries(0):
        shown = [(str(row.model_version.registered_model.name), row.inputs, row.output) for row in page.rows]

    assert len(shown) == 5


SEARCH = st.builds(
    LogSearch,
    model=st.sampled_from(["", "m", "other"]),
    version=st.sampled_from([None, None, 1, 2]),
    source=st.sampled_from(["", "", "form"]),
    text=st.sampled_from(["", "", "ulm"]),
    request_id=st.sampled_from(["", "", "r-1"]),
)


@hypothesis_settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["form", "api"]), st.sampled_from(["Ulm", "Bonn"])),
        min_size=8,
        max_size=30,
    ),
    wanted=SEARCH,
    size=st.integers(1, 4),
    window=st.integers(1, 8),
)
@example(
    rows=[(0, "form", "Ulm"), (1, "api", "Ulm")] * 4,
    wanted=LogSearch(model="m", source="form"),
    size=2,
    window=1,
)
def test_all_pages_together_are_the_search(
    log_of_four: list[ModelVersion],
    workspace: Workspace,
    rows: Any,
    wanted: LogSearch,
    size: int,
    window: int,
) -> None:
    PredictionLog.objects.all().delete()
    PredictionLog.objects.bulk_create(
        PredictionLog(
            id=uuid7(), workspace=workspace, model_version=log_of_four[place], source=source, row_number=1,
            request_id=f"r-{number % 3}", inputs={"city": city}, output={}, latency_ms=1.0,
            created_at=timezone.now(),
        )
        for number, (place, source, city) in enumerate(rows)
    )  # fmt: skip

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(log_pages, "WINDOW", window)
        found = list(pages(workspace, wanted, size))

    assert [row for page in found for row in page.rows] == list(prediction_log.search(workspace, wanted))
    assert all(len(page.rows) <= size for page in found)


@pytest.fixture
def log_of_four(version: ModelVersion, workspace: Workspace) -> list[ModelVersion]:
    """Versions 1 and 2 of the models m and other."""
    other = RegisteredModel.objects.create(workspace=workspace, slug="other", name="Other")
    second = ModelVersion(registered_model=version.registered_model, number=2, task="regression", estimator="x",
                          signature_json={}, artifacts={}, is_compiled=True)  # fmt: skip
    second.save()
    return [version, second, publish(other), publish(other)]


def test_a_time_bounds_every_page(version: ModelVersion, workspace: Workspace) -> None:
    now = timezone.now()
    rows = [log_row(version, id=first_id_at(now - timedelta(hours=hours))) for hours in (9, 6, 3, 0)]

    wanted = LogSearch(since=now - timedelta(hours=6), until=now, model="m")
    found = [row for page in pages(workspace, wanted, 1) for row in page.rows]

    assert found == [rows[2], rows[1]]
