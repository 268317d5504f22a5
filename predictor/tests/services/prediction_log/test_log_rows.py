from __future__ import annotations

import json
import math
import uuid
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from predictor.models import ModelVersion, PredictionLog
from predictor.services.prediction_log import log_rows
from predictor.services.prediction_log.log_rows import ROWS_A_STATEMENT, LogRow, as_json, insert

from .rows import Rows

# Surrogates cannot be stored as UTF-8.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


def plain(value: Any) -> Any:
    """The value that JSON can hold: no NaN, no infinity."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@hypothesis_settings(max_examples=50, deadline=None)
@given(value=VALUES)
def test_a_value_is_read_back_as_it_was(value: Any) -> None:
    text = as_json(value)

    assert json.loads(text) == plain(value)
    assert "NaN" not in text.replace(json.dumps("NaN"), "")


@pytest.mark.parametrize("big", [2**63, 2**64, -(2**63) - 1, 10**30])
def test_beside_a_huge_integer_all_else_is_written_as_usual(big: int) -> None:
    value = {"big": big, "nan": math.nan, "deep": [(-math.inf, date(2026, 1, 2))], "city": "北京"}

    assert json.loads(as_json(value)) == {
        "big": big,
        "nan": None,
        "deep": [[None, "2026-01-02"]],
        "city": "北京",
    }
    assert "北京" in as_json(value)


@pytest.mark.parametrize("beside", [{}, {"big": 10**30}])
def test_dates_are_iso_8601_and_other_objects_their_text(beside: dict[str, int]) -> None:
    value = {
        "at": datetime(2026, 1, 2, 3, 4, 5, 6),
        "on": date(2026, 1, 2),
        "gap": timedelta(seconds=1),
        **beside,
    }

    found = json.loads(as_json(value))

    assert (found["at"], found["on"], found["gap"]) == ("2026-01-02T03:04:05.000006", "2026-01-02", "0:00:01")


# --- Inserting -----------------------------------------------------------------------------------------------
def test_the_fields_of_a_row_are_the_columns_of_the_table_in_their_order() -> None:
    assert LogRow._fields == tuple(field.attname for field in PredictionLog._meta.concrete_fields)


@pytest.mark.parametrize("is_logged", [True, False])
def test_a_row_is_stored_as_django_reads_it(version: ModelVersion, is_logged: bool) -> None:
    """Django's own cursor is used while queries are logged, the driver's otherwise."""
    created_at = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    (row,) = Rows(version)(
        inputs=as_json({"city": "北京 'x' %s ?"}), output='{"prediction": null}', warnings='[{"code": "extra"}]',
        latency_ms=0.125, created_at=created_at, source="form", row_number=7,
    )  # fmt: skip

    if is_logged:
        with CaptureQueriesContext(connection):
            insert(connection, [row])
    else:
        assert not connection.queries_logged
        insert(connection, [row])

    stored = PredictionLog.objects.get()
    assert (stored.id, stored.request_id, stored.row_number, stored.source) == (
        row.id,
        row.request_id,
        7,
        "form",
    )
    assert stored.inputs == {"city": "北京 'x' %s ?"}
    assert (stored.output, stored.warnings) == ({"prediction": None}, [{"code": "extra"}])
    assert (stored.created_at, stored.latency_ms) == (created_at, 0.125)
    # On SQLite a time is compared as text, so it has to be stored in Django's form.
    assert PredictionLog.objects.get(created_at=created_at) == stored
    assert (stored.workspace_id, stored.model_version) == (version.registered_model.workspace_id, version)
    assert (stored.actor, stored.api_token) == (None, None)


def test_an_id_may_be_given_as_hexadecimal_text(version: ModelVersion) -> None:
    key = uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057")

    insert(connection, Rows(version)(id=key.hex))

    assert PredictionLog.objects.get().id == key


def test_a_row_that_exists_is_left_as_it_is(version: ModelVersion) -> None:
    first, second = Rows(version)(2)
    insert(connection, [first])

    insert(connection, [first._replace(inputs='{"x": 9}'), second, second])

    assert [each.inputs for each in PredictionLog.objects.order_by("row_number")] == [{"x": 1}, {"x": 1}]


@pytest.mark.parametrize(
    ("n_rows", "n_statements"),
    [(0, 0), (1, 1), (ROWS_A_STATEMENT, 1), (ROWS_A_STATEMENT + 1, 2), (2 * ROWS_A_STATEMENT + 3, 3)],
)
def test_many_rows_are_inserted_in_few_statements(
    version: ModelVersion, django_assert_num_queries: Any, n_rows: int, n_statements: int
) -> None:
    rows = Rows(version)(n_rows)

    with django_assert_num_queries(n_statements):
        insert(connection, rows)

    found = PredictionLog.objects.order_by("row_number").values_list("id", flat=True)
    assert list(found) == [row.id for row in rows]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="The driver's own cursor is for SQLite.")
def test_errors_of_the_driver_become_errors_of_django(version: ModelVersion) -> None:
    (row,) = Rows(version)()

    with pytest.raises(IntegrityError, match="NOT NULL"), transaction.atomic():
        insert(connection, [row._replace(source=None)])  # type: ignore[arg-type]


def test_the_statements_kept_are_as_many_as_there_are_numbers_of_rows() -> None:
    assert log_rows._statement.cache_info().maxsize == 2 * ROWS_A_STATEMENT
    assert log_rows._statement(2, "?").count("?") == 2 * len(LogRow._fields)
