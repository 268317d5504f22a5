from __future__ import annotations

import io
import json
import math
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings
from rest_framework.exceptions import UnsupportedMediaType

from predictor.errors import InvalidInput, TooLarge
from predictor.http.json import (
    CSVRenderer,
    JSONParser,
    JSONRenderer,
    dumps,
    loads,
    read_limited,
    require_utf8,
    unique_members,
)

BODIES = {
    "nothing": (b"", "not valid JSON"),
    "not JSON": (b"{", "not valid JSON"),
    "two documents": (b"{} {}", "not valid JSON"),
    "a comment": (b"{} // x", "not valid JSON"),
    "NaN": (b'{"name": NaN}', "not valid JSON"),
    "infinity": (b'{"name": 1e400}', "not valid JSON"),
    "invalid UTF-8": (b'{"name": "\xff"}', "not valid JSON"),
    "UTF-16": ('{"name": 1}'.encode("utf-16"), "not valid JSON"),
    "lone surrogate": (b'{"name": "\\ud800"}', "not valid JSON"),
    "NUL": (b'{"name": "a\\u0000b"}', "NUL"),
    "NUL in a name": (b'{"a": [{"b\\u0000": 1}]}', "NUL"),
    "a name twice": (b'{"name": "a", "name": "b"}', "“name” appears twice"),
    "a name twice, deeper": (b'{"name": [{"a:": 1, "a:": 2}]}', "appears twice"),
    "a name twice, written in two ways": (b'{"a": 1, "\\u0061": 2}', "“a” appears twice"),
    "a name twice, and colons to make up for it": (b'{"a": 1, "a": "\\u003a"}', "“a” appears twice"),
    "nested too deep": (b'{"name": ' + b"[" * 30 + b"]" * 30 + b"}", "nested deeper than 20"),
    "nested beyond reason": (b"[" * 100_000, "nested deeper than 20"),
}


@pytest.mark.parametrize("case", BODIES)
def test_invalid_json_is_refused_with_a_sentence(case: str) -> None:
    body, sentence = BODIES[case]

    with pytest.raises(InvalidInput, match=sentence):
        loads(body, max_depth=20)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (rb'{"description": "\\u0000"}', {"description": r"\u0000"}),
        (b'{"a": {"b": 1}, "b": {"a": 1}}', {"a": {"b": 1}, "b": {"a": 1}}),
        (b'[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        (b'{"a:b": "c:d"}', {"a:b": "c:d"}),
        (' "größe\\ud83d\\ude00" '.encode(), "größe😀"),
        (b"18446744073709551615", 2**64 - 1),
        (b"null", None),
    ],
)
def test_unusual_but_valid_json_is_read(body: bytes, value: Any) -> None:
    assert loads(body, max_depth=20) == value


@pytest.mark.parametrize("opening", [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_is_allowed_up_to_the_limit(opening: tuple[bytes, bytes], settings: Settings) -> None:
    settings.MAX_JSON_DEPTH = 3
    start, end = opening

    assert loads(start * 3 + b"1" + end * 3, max_depth=3)
    with pytest.raises(InvalidInput, match="nested deeper than 3 levels") as refused:
        loads(start * 4 + b"1" + end * 4, max_depth=3)

    assert refused.value.limit == 3


# JSON texts whose objects may hold a name twice, and whose texts hold colons, quotes and escapes.
NAMES = st.text(st.sampled_from('ab:"\\é\n'), max_size=3)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False, allow_infinity=False),
    NAMES,
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(st.tuples(NAMES, inner), max_size=3).map(lambda pairs: ("object", pairs)),
    ),
    max_leaves=10,
)


def written(tree: Any, is_ascii: bool) -> str:
    if isinstance(tree, tuple):
        members = (
            f"{json.dumps(name, ensure_ascii=is_ascii)} :{written(each, is_ascii)}" for name, each in tree[1]
        )
        return "{" + ", ".join(members) + "}"
    if isinstance(tree, list):
        return "[" + ",\n".join(written(each, is_ascii) for each in tree) + "]"
    return json.dumps(tree, ensure_ascii=is_ascii)


def has_duplicates(tree: Any) -> bool:
    if isinstance(tree, tuple):
        names = [name for name, _ in tree[1]]
        return len(set(names)) < len(names) or any(has_duplicates(each) for _, each in tree[1])
    return isinstance(tree, list) and any(map(has_duplicates, tree))


@hypothesis_settings(max_examples=50, deadline=None)
@given(tree=TREES, is_ascii=st.booleans())
def test_it_reads_what_the_standard_library_reads_but_no_name_twice(tree: Any, is_ascii: bool) -> None:
    body = written(tree, is_ascii).encode()

    if has_duplicates(tree):
        with pytest.raises(InvalidInput, match="appears twice"):
            loads(body, max_depth=30)
    else:
        assert loads(body, max_depth=30) == json.loads(body)


def test_a_name_that_appears_twice_is_listed() -> None:
    with pytest.raises(InvalidInput) as refused:
        unique_members([("a", 1), ("größe", 2), ("größe", 3)])

    assert [each.detail for each in refused.value.problems] == ["“größe” is given more than once."]
    assert unique_members([("a", 1), ("b", 2)]) == {"a": 1, "b": 2}


# --- The request ---------------------------------------------------------------------------------------------
def test_a_body_is_read_up_to_the_limit_and_not_further(settings: Settings) -> None:
    settings.MAX_BODY_BYTES = 1_000
    long = io.BytesIO(b"x" * 5_000)

    assert read_limited(io.BytesIO(b"x" * 1_000)) == b"x" * 1_000
    with pytest.raises(TooLarge, match="may hold 1,000 bytes") as refused:
        read_limited(long)

    assert refused.value.limit == 1_000
    assert long.tell() == 1_001


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "",
        "application/json",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; Charset = us-ascii",
        "application/json; version=1; charset=utf8",
    ],
)
def test_utf_8_is_accepted_in_every_spelling(media_type: str | None) -> None:
    require_utf8(media_type)


@pytest.mark.parametrize(
    ("media_type", "charset"),
    [
        ("application/json; charset=latin-1", "“latin-1”"),
        ("application/json; Charset=latin-1", "“latin-1”"),
        ("application/json; charset=utf-8; charset=utf-16", "“utf-16”"),
        ("application/json; charset=", "“”"),
    ],
)
def test_another_charset_is_refused_by_its_name(media_type: str, charset: str) -> None:
    with pytest.raises(UnsupportedMediaType, match=f"Send UTF-8; the charset {charset} is not supported"):
        require_utf8(media_type)


def test_the_parser_uses_all_three_limits(settings: Settings) -> None:
    settings.MAX_BODY_BYTES, settings.MAX_JSON_DEPTH = 10, 2
    parser = JSONParser()

    assert parser.parse(io.BytesIO(b'{"a": [1]}'), "application/json") == {"a": [1]}
    with pytest.raises(TooLarge):
        parser.parse(io.BytesIO(b'{"a": [10]}'), "application/json")
    with pytest.raises(InvalidInput, match="deeper than 2"):
        parser.parse(io.BytesIO(b"[[[1]]]"), "application/json")
    with pytest.raises(UnsupportedMediaType):
        parser.parse(io.BytesIO(b"1"), "application/json; charset=utf-16")


# --- The response --------------------------------------------------------------------------------------------
PLAIN = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), NAMES
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=10,
)


@hypothesis_settings(max_examples=50, deadline=None)
@given(value=PLAIN)
def test_what_is_written_is_read_back_by_the_standard_library(value: Any) -> None:
    assert json.loads(dumps(value)) == value


def test_special_values_have_a_form_in_json() -> None:
    value = {
        "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "on": date(2026, 1, 2),
        "for": timedelta(minutes=1),
        "id": uuid.UUID(int=1),
        "price": Decimal("1.10"),
        "lazy": gettext_lazy("Name"),
        1: (1, 2),
        "numbers": [math.nan, math.inf, -math.inf],
    }

    assert json.loads(dumps(value)) == {
        "at": "2026-01-02T03:04:05Z",
        "on": "2026-01-02",
        "for": "60.0",
        "id": "00000000-0000-0000-0000-000000000001",
        "price": 1.1,
        "lazy": "Name",
        "1": [1, 2],
        "numbers": [None, None, None],
    }


@pytest.mark.parametrize("big", [2**64, -(2**63) - 1, 10**30])
def test_beside_a_huge_integer_all_else_is_written_as_usual(big: int) -> None:
    """orjson takes no integer beyond 64 bits; then the standard library writes, which knows NaN."""
    value = {
        "big": big,
        "nan": math.nan,
        "deep": [(-math.inf, {"x": math.inf, "on": date(2026, 1, 2)})],
        1: "é",
    }

    body = dumps(value)

    assert json.loads(body) == {
        "big": big,
        "nan": None,
        "deep": [[None, {"x": None, "on": "2026-01-02"}]],
        "1": "é",
    }
    assert b"NaN" not in body


@pytest.mark.parametrize("renderer", [JSONRenderer, CSVRenderer])
def test_a_response_without_data_is_empty(renderer: type[JSONRenderer]) -> None:
    assert renderer().render(None) == b""
    assert renderer().render({"größe": 1}) == '{"größe":1}'.encode()
