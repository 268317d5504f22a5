"""MLflow's scoring protocol, `{base}/models/{model}/invocations` and beside it, and the article's `/predict`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ..api.json import require_utf8
from ..errors import InvalidInput, NotServable, Problem, TooLarge, UnsupportedContent, listed, shown
from ..ml.types.schema import Signature
from ..models import PredictionSource
from ..services import parquet_rows, serving
from . import VERSION
from .answering import Wishes, answer, as_columns, rows_of_columns, rows_of_lists, version_at
from .door import Call, Refusal, as_json

CODES = {
    401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "RESOURCE_DOES_NOT_EXIST", 405: "BAD_REQUEST",
    409: "INVALID_STATE", 413: "BAD_REQUEST", 415: "BAD_REQUEST", 422: "INVALID_PARAMETER_VALUE",
    429: "REQUEST_LIMIT_EXCEEDED", 503: "TEMPORARILY_UNAVAILABLE",
}  # fmt: skip
FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
PARQUET = ("application/vnd.apache.parquet", "application/x-parquet")
LONGEST_CELL = 128 * 1024


def refuse(refusal: Refusal) -> HttpResponse:
    """`{"error_code", "message"}`, which MLflow's client reads."""
    fallback = "INTERNAL_ERROR" if refusal.status >= 500 else "BAD_REQUEST"
    code = CODES.get(refusal.status, fallback)
    if refusal.status == 400 and refusal.kind != "invalid-input":
        code = "INVALID_PARAMETER_VALUE"
    return as_json({"error_code": code, "message": refusal.message}, refusal.status)


def ping(call: Call, model: str, version: str = "") -> HttpResponse:
    """200 when the model can answer."""
    try:
        serving.served(version_at(call.model(model), version))
    except NotServable as error:
        return refuse(Refusal(503, error.message))
    return HttpResponse("\n", content_type="application/json")


def alive(request: HttpRequest, **at: Any) -> HttpResponse:
    """Without a token: whether the server answers, and nothing about models."""
    return HttpResponse("\n", content_type="application/json")


def version(call: Call, model: str, version: str = "") -> HttpResponse:
    call.model(model)
    return HttpResponse(VERSION, content_type="text/plain; charset=utf-8")


def invocations(call: Call, model: str, version: str = "") -> HttpResponse:
    """Predict rows sent as JSON, CSV or Parquet."""
    found = call.model(model)
    chosen = version_at(found, version)
    content_type = call.request.META.get("CONTENT_TYPE") or ""
    read = _reader(content_type)
    rows, wishes, are_texts = read(call.body(), chosen.signature)
    answered = answer(
        call,
        found,
        rows,
        version=str(chosen.number),
        source=PredictionSource.MLFLOW,
        wishes=wishes,
        are_texts=are_texts,
    )
    return as_json(as_columns(answered, chosen.signature))


Read = tuple[Sequence[Mapping[str, Any]], Wishes, bool]


def _reader(content_type: str) -> Callable[[bytes, Signature], Read]:
    kind = content_type.split(";", maxsplit=1)[0].strip().lower()
    if kind in PARQUET:
        return _from_parquet
    require_utf8(content_type)
    if kind == "text/csv":
        return _from_csv
    if kind == "application/json":
        return _from_json
    raise UnsupportedContent(
        f"The Content-Type {shown(kind)} is not taken; send application/json, text/csv or {PARQUET[0]}."
    )


def _from_json(body: bytes, signature: Signature) -> Read:
    asked = loads_with_nan(body)
    if not isinstance(asked, dict):
        raise InvalidInput(f"Send an object with one of {listed(FORMS)}.")
    forms = [name for name in FORMS if name in asked]
    unknown = sorted(set(asked) - {*FORMS, "params"})
    if len(forms) != 1 or unknown:
        more = f" Unknown: {listed(unknown)}." if unknown else ""
        raise InvalidInput(f"Send exactly one of {listed(FORMS)}, and params if you like.{more}")
    name, value = forms[0], asked[forms[0]]
    wishes = Wishes.from_json(asked.get("params"), is_strict=True)
    if name == "dataframe_split":
        return _from_split(value), wishes, False
    if name == "dataframe_records":
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise InvalidInput("“dataframe_records” has to be a list of objects.")
        return value, wishes, False
    if isinstance(value, dict):
        return rows_of_columns(value, name), wishes, False
    if not isinstance(value, list):
        raise InvalidInput(f"“{name}” has to be a list or an object.")
    return rows_of_lists(value, signature.names, name), wishes, False


def _from_split(value: Any) -> Sequence[Mapping[str, Any]]:
    columns, data = (value.get("columns"), value.get("data")) if isinstance(value, dict) else (None, None)
    if (
        not isinstance(columns, list)
        or not isinstance(data, list)
        or not all(isinstance(name, str) for name in columns)
    ):
        raise InvalidInput(
            "“dataframe_split” has to hold columns (a list of names) and data (a list of rows)."
        )
    _refuse_repeated(columns)
    for number, row in enumerate(data, start=1):
        if not isinstance(row, list) or len(row) != len(columns):
            raise InvalidInput(
                f"Row {number} of data has to be a list of {len(columns)} values.",
                problems=[Problem("Wrong.", f"/dataframe_split/data/{number - 1}")],
            )
    return [dict(zip(columns, row, strict=True)) for row in data]


def _refuse_repeated(columns: Sequence[str]) -> None:
    if len(set(columns)) < len(columns):
        repeated = sorted({name for name in columns if columns.count(name) > 1})
        raise InvalidInput(f"Columns are named more than once: {listed(repeated)}.")


def loads_with_nan(body: bytes) -> Any:
    """JSON as MLflow's client writes it: a bare NaN is a gap. Refuses what the API's JSON refuses, but for that."""
    from ..api import json as strictly

    if b"NaN" in body:
        try:
            value = json.loads(body.decode(), parse_constant=_gap, object_pairs_hook=strictly.members)
        except (ValueError, RecursionError):
            raise InvalidInput("The body is not valid JSON.") from None
        body = json.dumps(value).encode()
    return strictly.loads(body, max_depth=settings.MAX_JSON_DEPTH)


def _gap(name: str) -> None:
    if name != "NaN":
        raise InvalidInput("A number has to be finite; Infinity is not.")


def _from_csv(body: bytes, signature: Signature) -> Read:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"The CSV is not UTF-8 at byte {error.start}.") from None
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = next(lines, [])
        _refuse_repeated(columns)
        rows = []
        for line in lines:
            if not line:
                continue
            if len(line) != len(columns):
                raise InvalidInput(
                    f"Line {lines.line_num} has {len(line)} cells; the header has {len(columns)}."
                )
            rows.append(dict(zip(columns, line, strict=True)))
            if len(rows) > settings.MAX_PREDICTION_ROWS:
                raise TooLarge(
                    f"One request may hold {settings.MAX_PREDICTION_ROWS:,} rows.",
                    limit=settings.MAX_PREDICTION_ROWS,
                )
    except csv.Error as error:
        raise InvalidInput(f"The CSV cannot be read: {error}.") from None
    return rows, Wishes(), True


def _from_parquet(body: bytes, signature: Signature) -> Read:
    return parquet_rows.read(body), Wishes(), False


def article(call: Call, model: str, version: str = "") -> HttpResponse:
    """The article's `/predict` for any model: `{"x": […]}` in the order of the signature, `{"y": …}`."""
    from ..api import json as strictly

    found = call.model(model)
    chosen = version_at(found, version)
    body = strictly.loads(call.body(), max_depth=settings.MAX_JSON_DEPTH)
    if not isinstance(body, dict) or set(body) != {"x"} or not isinstance(body["x"], list):
        raise InvalidInput('Send {"x": […]} with one row of features, and nothing else.')
    rows = rows_of_lists([body["x"]], chosen.signature.names, "x")
    answered = answer(call, found, rows, version=str(chosen.number), source=PredictionSource.ARTICLE)
    first = answered.predictions[0]
    return as_json({"y": first.prediction, **({"error": first.error} if first.error else {})})
