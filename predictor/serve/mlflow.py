"""MLflow's scoring protocol (`{base}/models/{model}/invocations`, `/ping`, `/version`), the article's `/predict`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ..errors import InvalidInput, InvalidTable, NotServable, Problem, UnsupportedContent, quoted, quoted_list
from ..http.json import require_utf8
from ..http.prediction_request import require_few_columns
from ..ml.types.column_names import repeated_names
from ..models import ModelVersion, PredictionSource
from ..services.batches import csv_bodies, parquet_bodies
from ..services.predictions import PredictionOptions, loaded_versions
from . import VERSION
from .prediction import (
    as_columns,
    options_of,
    rows_of_columns,
    rows_of_lists,
    version_at,
)
from .route import Call, Refusal, as_json

CODES = {
    401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "RESOURCE_DOES_NOT_EXIST", 405: "BAD_REQUEST",
    409: "INVALID_STATE", 413: "BAD_REQUEST", 415: "BAD_REQUEST", 422: "INVALID_PARAMETER_VALUE",
    429: "REQUEST_LIMIT_EXCEEDED", 503: "TEMPORARILY_UNAVAILABLE",
}  # fmt: skip
FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
PARQUET = ("application/vnd.apache.parquet", "application/x-parquet")
LONGEST_CELL = 128 * 1024


def refuse(refusal: Refusal) -> HttpResponse:
    """An error as `{"error_code", "message"}`, the form that MLflow's client reads."""
    fallback = "INTERNAL_ERROR" if refusal.status >= 500 else "BAD_REQUEST"
    code = CODES.get(refusal.status, fallback)
    if refusal.status == 400 and refusal.kind != "invalid-input":
        code = "INVALID_PARAMETER_VALUE"
    return as_json({"error_code": code, "message": refusal.message}, refusal.status)


def ping(call: Call, model: str, version: str = "") -> HttpResponse:
    """200 when the model can answer."""
    try:
        loaded_versions.load(version_at(call.model(model), version))
    except NotServable as error:
        return refuse(Refusal(503, error.message))
    return HttpResponse("\n", content_type="application/json")


def alive(request: HttpRequest, **parameters: Any) -> HttpResponse:
    """Liveness, without a token: the server answers. It says nothing about models."""
    return HttpResponse("\n", content_type="application/json")


def version(call: Call, model: str, version: str = "") -> HttpResponse:
    call.model(model)
    return HttpResponse(VERSION, content_type="text/plain; charset=utf-8")


def invocations(call: Call, model: str, version: str = "") -> HttpResponse:
    """Predict rows sent as JSON, CSV or Parquet."""
    registered_model = call.model(model)
    model_version = version_at(registered_model, version)
    content_type = call.request.META.get("CONTENT_TYPE") or ""
    read = _reader(content_type)
    rows, options = read(call.body(), model_version)
    response = call.predict(registered_model, rows, options, PredictionSource.MLFLOW)
    return as_json(as_columns(response, model_version.signature))


Read = tuple[Sequence[Mapping[str, Any]], PredictionOptions]


def _reader(content_type: str) -> Callable[[bytes, ModelVersion], Read]:
    kind = content_type.split(";", maxsplit=1)[0].strip().lower()
    if kind in PARQUET:
        return _from_parquet
    require_utf8(content_type)
    if kind == "text/csv":
        return _from_csv
    if kind == "application/json":
        return _from_json
    raise UnsupportedContent(
        f"The Content-Type {quoted(kind)} is not supported; send application/json, text/csv or {PARQUET[0]}."
    )


def _from_json(body: bytes, version: ModelVersion) -> Read:
    document = loads_with_nan(body)
    if not isinstance(document, dict):
        raise InvalidInput(f"Send an object with one of {quoted_list(FORMS)}.")
    forms = [name for name in FORMS if name in document]
    unknown = sorted(set(document) - {*FORMS, "params"})
    if len(forms) != 1 or unknown:
        more = f" Unknown: {quoted_list(unknown)}." if unknown else ""
        raise InvalidInput(f"Send exactly one of {quoted_list(FORMS)}, and optionally params.{more}")
    name, value = forms[0], document[forms[0]]
    options = options_of(document.get("params"), version=version, is_strict=True)
    if name == "dataframe_split":
        return _from_split(value), options
    if name == "dataframe_records":
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise InvalidInput("“dataframe_records” has to be a list of objects.")
        return value, options
    if isinstance(value, dict):
        return rows_of_columns(value, name), options
    if not isinstance(value, list):
        raise InvalidInput(f"“{name}” has to be a list or an object.")
    return rows_of_lists(value, version.signature.names, name), options


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
    require_few_columns(len(columns), "/dataframe_split/columns")
    _refuse_repeated(columns)
    for number, row in enumerate(data, start=1):
        if not isinstance(row, list) or len(row) != len(columns):
            raise InvalidInput(
                f"Row {number} of data has to be a list of {len(columns)} values.",
                problems=[Problem("Wrong.", f"/dataframe_split/data/{number - 1}")],
            )
    return [dict(zip(columns, row, strict=True)) for row in data]


def _refuse_repeated(columns: Sequence[str]) -> None:
    if repeated := sorted(repeated_names(columns)):
        raise InvalidInput(f"Columns are named more than once: {quoted_list(repeated)}.")


def loads_with_nan(body: bytes) -> Any:
    """Parse JSON as MLflow's client writes it: NaN is a missing value. All else is as strict as the API's JSON."""
    from ..http import json as strictly

    if b"NaN" in body:
        try:
            value = json.loads(
                body.decode(), parse_constant=_missing, object_pairs_hook=strictly.unique_members
            )
        except (ValueError, RecursionError):
            raise InvalidInput("The body is not valid JSON.") from None
        body = json.dumps(value).encode()
    return strictly.loads(body, max_depth=settings.MAX_JSON_DEPTH)


def _missing(name: str) -> None:
    if name != "NaN":
        raise InvalidInput("A number has to be finite; Infinity is not.")


def _from_csv(body: bytes, version: ModelVersion) -> Read:
    try:
        rows = csv_bodies.read(body, version.signature)
    except (InvalidTable, UnsupportedContent) as error:
        raise InvalidInput(error.message, problems=error.problems) from None
    return rows, replace(options_of(None, version=version), are_texts=True)


def _from_parquet(body: bytes, version: ModelVersion) -> Read:
    return parquet_bodies.read(body), options_of(None, version=version)


def article(call: Call, model: str, version: str = "") -> HttpResponse:
    """The article's `/predict` for any model: `{"x": […]}` in the order of the signature, `{"y": …}`."""
    from ..http import json as strictly

    registered_model = call.model(model)
    model_version = version_at(registered_model, version)
    body = strictly.loads(call.body(), max_depth=settings.MAX_JSON_DEPTH)
    if not isinstance(body, dict) or set(body) != {"x"} or not isinstance(body["x"], list):
        raise InvalidInput('Send {"x": […]} with one row of features, and nothing else.')
    rows = rows_of_lists([body["x"]], model_version.signature.names, "x")
    options = options_of(None, version=model_version)
    response = call.predict(registered_model, rows, options, PredictionSource.ARTICLE)
    first = response.predictions[0]
    return as_json({"y": first.prediction, **({"error": first.error} if first.error else {})})
