"""JSON bodies, read strictly and written fast."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson
from django.conf import settings
from rest_framework import parsers, renderers
from rest_framework.exceptions import APIException, UnsupportedMediaType
from rest_framework.utils.encoders import JSONEncoder

from ..errors import InvalidInput, Problem, TooLarge, shown

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


class JSONRenderer(renderers.BaseRenderer):
    """Answers as JSON in UTF-8. What is not finite becomes null."""

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


class ProblemAsJSON(JSONRenderer):
    """For routes whose good answer is a stream of another kind: what goes through a renderer is an error."""


class CSVRenderer(ProblemAsJSON):
    media_type = "text/csv"
    format = "csv"


class JSONLinesRenderer(ProblemAsJSON):
    media_type = "application/x-ndjson"
    format = "jsonl"


class ParquetRenderer(ProblemAsJSON):
    media_type = "application/vnd.apache.parquet"
    format = "parquet"


class MarkdownRenderer(ProblemAsJSON):
    media_type = "text/markdown"
    format = "md"


class BytesRenderer(ProblemAsJSON):
    media_type = "application/octet-stream"
    format = "bytes"


class LengthRequired(APIException):
    """WSGI as Django reads it takes a body without a length for an empty one."""

    status_code = 411
    default_detail = "Send the length of the body (Content-Length); a chunked body is not taken here."


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
                str(media_type), detail=f"Send UTF-8; the charset {shown(value.strip())} is not taken here."
            )


def read_limited(stream: Any) -> bytes:
    """The whole body, unless it is larger than MAX_BODY_BYTES."""
    limit = settings.MAX_BODY_BYTES
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise TooLarge(
            f"The body may hold {limit:,} bytes. Send a file to predict many rows at once, or as a batch.",
            limit=limit,
        )
    return body


def dumps(data: Any) -> bytes:
    """JSON in UTF-8. Falls back to the slow encoder for what orjson does not take, such as huge integers."""
    try:
        return orjson.dumps(data, default=JSONEncoder().default, option=OPTIONS)
    except TypeError:
        return json.dumps(data, cls=JSONEncoder).encode()


def loads(body: bytes, *, max_depth: int) -> Any:
    """The value of a JSON document.

    Refused with InvalidInput: bytes that are not UTF-8, lone surrogates, NaN and infinities, a name twice in
    one object, nesting beyond `max_depth`, and the NUL character (PostgreSQL cannot keep it).
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if "depth limit" in error.msg:
            raise _too_deep(max_depth) from None
        raise InvalidInput(f"The body is not valid JSON: {error}.") from None
    n_names = _count_names(value, max_depth)
    # As many colons as names: none stood twice. A colon inside a text makes them differ, so then we look.
    if body.count(b":") != n_names:
        json.loads(body, object_pairs_hook=members)
    if b"\\u0000" in body and _has_nul(value):
        raise InvalidInput("The body holds the character NUL (\\u0000), which no value may contain.")
    return value


def _too_deep(max_depth: int) -> InvalidInput:
    return InvalidInput(f"The JSON is nested deeper than {max_depth} levels.", limit=max_depth)


def _count_names(value: Any, levels_left: int) -> int:
    """How many names the objects in `value` have together; raises InvalidInput when it is nested too deep."""
    if not isinstance(value, (dict, list)):
        return 0
    if levels_left == 0:
        raise _too_deep(settings.MAX_JSON_DEPTH)
    n_names = len(value) if isinstance(value, dict) else 0
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, (dict, list)):
            n_names += _count_names(each, levels_left - 1)
    return n_names


def members(found: list[tuple[str, Any]]) -> dict[str, Any]:
    """An `object_pairs_hook`: the object. Raises InvalidInput for a name that stands twice in it."""
    names = [name for name, _ in found]
    if len(set(names)) != len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(
            f"The name {shown(repeated)} stands twice in one JSON object.",
            problems=[Problem(f"{shown(repeated)} is given more than once.")],
        )
    return dict(found)


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in name or _has_nul(each) for name, each in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))
