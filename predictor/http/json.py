"""JSON parser and renderers: request bodies are parsed strictly, responses are written by orjson."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import orjson
from django.conf import settings
from rest_framework import parsers, renderers
from rest_framework.exceptions import APIException, UnsupportedMediaType
from rest_framework.utils.encoders import JSONEncoder

from ..errors import InvalidInput, Problem, TooLarge, quoted
from ..ml.types.column_names import repeated_names
from ..services.predictions.admission import body_was_read

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
# An object may hold so many names for each column that a table may have; more are refused before they are compared.
NAMES_A_COLUMN = 10


class JSONRenderer(renderers.BaseRenderer):
    """Renders JSON in UTF-8. NaN and infinities become null."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else dumps(data)


class ErrorRenderer(JSONRenderer):
    """For routes that stream their successful response: only errors go through the renderer, as JSON."""


class CSVRenderer(ErrorRenderer):
    media_type = "text/csv"
    format = "csv"


class JSONLinesRenderer(ErrorRenderer):
    media_type = "application/x-ndjson"
    format = "jsonl"


class ParquetRenderer(ErrorRenderer):
    media_type = "application/vnd.apache.parquet"
    format = "parquet"


class MarkdownRenderer(ErrorRenderer):
    media_type = "text/markdown"
    format = "md"


class XLSXRenderer(ErrorRenderer):
    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    format = "xlsx"


class BytesRenderer(ErrorRenderer):
    media_type = "application/octet-stream"
    format = "bytes"


class LengthRequired(APIException):
    """411: without a Content-Length, Django would read an empty body."""

    status_code = 411
    default_detail = "Send the length of the body (Content-Length); a chunked body is not supported."


class JSONParser(parsers.BaseParser):
    """Reads a JSON body up to MAX_BODY_BYTES. Raises InvalidInput, TooLarge, UnsupportedMediaType."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        require_utf8(media_type)
        return loads(read_limited(stream), max_depth=settings.MAX_JSON_DEPTH)


def require_utf8(media_type: str | None) -> None:
    """Raises UnsupportedMediaType when the Content-Type names another charset."""
    for parameter in (media_type or "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip(' "').lower() not in (
            "utf-8",
            "utf8",
            "us-ascii",
        ):
            raise UnsupportedMediaType(
                str(media_type), detail=f"Send UTF-8; the charset {quoted(value.strip())} is not supported."
            )


def read_limited(stream: Any) -> bytes:
    """The whole body. Raises TooLarge for more than MAX_BODY_BYTES, Busy when too many large bodies wait."""
    limit = settings.MAX_BODY_BYTES
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise TooLarge(
            f"The body may hold {limit:,} bytes. Send a file to predict many rows at once, or as a batch.",
            limit=limit,
        )
    body_was_read(len(body))
    return body


def dumps(data: Any) -> bytes:
    """JSON in UTF-8. Falls back to the slow encoder for what orjson does not take, such as huge integers."""
    try:
        return orjson.dumps(data, default=JSONEncoder().default, option=OPTIONS)
    except TypeError:
        return json.dumps(_finite(data), cls=JSONEncoder).encode()


def _finite(value: Any) -> Any:
    """The value with null for NaN and infinities, as orjson writes them."""
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def loads(body: bytes, *, max_depth: int) -> Any:
    """Parse a JSON document strictly.

    Raises TooLarge for an object of too many names; InvalidInput for bytes that are not UTF-8, lone surrogates, NaN
    and infinities, duplicate names in one object, nesting beyond `max_depth`, and the NUL character (PostgreSQL
    cannot store it).
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if "depth limit" in error.msg:
            raise _too_deep(max_depth) from None
        raise InvalidInput(f"The body is not valid JSON: {error}.") from None
    n_names = _count_names(value, max_depth)
    # orjson keeps the last of duplicate names. As many colons as names: there are no duplicates. A colon inside a
    # string makes the counts differ, too; only then is the slow parser needed.
    if body.count(b":") != n_names:
        json.loads(body, object_pairs_hook=unique_members)
    if b"\\u0000" in body and _has_nul(value):
        raise InvalidInput("The body holds the character NUL (\\u0000), which no value may contain.")
    return value


def _too_deep(max_depth: int) -> InvalidInput:
    return InvalidInput(f"The JSON is nested deeper than {max_depth} levels.", limit=max_depth)


def _too_many_names(n_names: int) -> TooLarge:
    limit = settings.MAX_TABLE_COLUMNS * NAMES_A_COLUMN
    return TooLarge(f"One JSON object may hold {limit:,} names, and one here holds {n_names:,}.", limit=limit)


def _count_names(value: Any, levels_left: int) -> int:
    """The number of names in all objects of `value`. Raises InvalidInput when it is nested too deep."""
    if not isinstance(value, (dict, list)):
        return 0
    if levels_left == 0:
        raise _too_deep(settings.MAX_JSON_DEPTH)
    n_names = len(value) if isinstance(value, dict) else 0
    if n_names > settings.MAX_TABLE_COLUMNS * NAMES_A_COLUMN:
        raise _too_many_names(n_names)
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, (dict, list)):
            n_names += _count_names(each, levels_left - 1)
    return n_names


def unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An `object_pairs_hook` of `json.loads`: the object. Raises InvalidInput for duplicate names."""
    members = dict(pairs)
    if len(members) != len(pairs):
        repeated = repeated_names(name for name, _ in pairs)[0]
        raise InvalidInput(
            f"The name {quoted(repeated)} appears twice in one JSON object.",
            problems=[Problem(f"{quoted(repeated)} is given more than once.")],
        )
    return members


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in name or _has_nul(each) for name, each in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))
