"""The body of a prediction request, parsed without a Serializer: that would cost more than the prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from ..errors import InvalidInput, InvalidRows, Problem, TooLarge, quoted_list
from ..ml.types.column_names import repeated_names
from ..ml.types.schema import canonical_text
from ..services.predictions import PredictionOptions
from ..services.predictions.nearest_examples import MAX_NEAREST, N_NEAREST
from .known_names import refuse_unknown

NAMES = frozenset(
    {
        "rows",
        "columns",
        "data",
        "horizon",
        "group",
        "history",
        "future",
        "quantiles",
        "version",
        "strict",
        "explain",
        "nearest",
        "coverage",
    }
)


def read_prediction_request(body: Any) -> tuple[Sequence[Mapping[str, Any]], PredictionOptions]:
    """The rows and the options of {rows, …}, {columns, data, …} or {horizon, …}. Raises InvalidInput, InvalidRows."""
    if not isinstance(body, Mapping):
        raise InvalidInput('Send an object: {"rows": [{column: value}]} or {"columns": […], "data": [[…]]}.')
    if not body.keys() <= NAMES:
        refuse_unknown(body, NAMES)
    is_split, is_horizon = "columns" in body or "data" in body, body.get("horizon") is not None
    if is_split + ("rows" in body) + is_horizon != 1:
        raise InvalidInput('Send either "rows", or "columns" and "data", or for a forecast a "horizon".')
    if is_horizon:
        rows: Sequence[Mapping[str, Any]] = ()
    else:
        rows = _from_split(body.get("columns"), body.get("data")) if is_split else _rows(body["rows"])
    return rows, PredictionOptions(
        version=version_of(body.get("version")),
        strict=_flag(body, "strict"),
        explain=_flag(body, "explain"),
        nearest=_nearest(body.get("nearest")),
        coverage=_coverage(body.get("coverage")),
        horizon=_horizon(body.get("horizon")),
        group=_group(body.get("group"), is_horizon),
        history=_row_list(body, "history"),
        future=_future(body, is_horizon),
        quantiles=_quantiles(body.get("quantiles")),
    )


def _rows(rows: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(rows, list):
        raise InvalidInput('"rows" has to be a list of objects.', problems=[Problem("Not a list.", "/rows")])
    wrong = [number for number, row in enumerate(rows, start=1) if not isinstance(row, dict)]
    if wrong:
        raise InvalidRows(
            f"Each row has to be an object {{column: value}}; {_numbered(wrong)} is not.",
            problems=[
                Problem(f"Row {number} is not an object.", f"/rows/{number - 1}") for number in wrong[:5]
            ],
        )
    return rows


def _from_split(columns: Any, data: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise InvalidInput('"columns" has to be a list of names.', problems=[Problem("Wrong.", "/columns")])
    require_few_columns(len(columns), "/columns")
    if repeated := sorted(repeated_names(columns)):
        raise InvalidInput(
            f"Columns are named more than once: {quoted_list(repeated)}.",
            problems=[Problem("Repeated.", "/columns")],
        )
    if not isinstance(data, list):
        raise InvalidInput('"data" has to be a list of rows.', problems=[Problem("Not a list.", "/data")])
    width = len(columns)
    wrong = [
        number for number, row in enumerate(data, start=1) if not isinstance(row, list) or len(row) != width
    ]
    if wrong:
        raise InvalidRows(
            f"Each row of data has to be a list of {width} values, one a column; {_numbered(wrong)} is not.",
            problems=[
                Problem(f"Row {number} does not have {width} values.", f"/data/{number - 1}")
                for number in wrong[:5]
            ],
        )
    return [dict(zip(columns, row, strict=True)) for row in data]


def require_few_columns(n_columns: int, pointer: str) -> None:
    """Raises TooLarge for more columns than a table may have, before anything is done for each of them."""
    limit = settings.MAX_TABLE_COLUMNS
    if n_columns > limit:
        raise TooLarge(
            f"A request may name {limit:,} columns, and this one names {n_columns:,}.",
            limit=limit,
            problems=[Problem("Too many columns.", pointer)],
        )


def _numbered(numbers: Sequence[int]) -> str:
    more = f" (and {len(numbers) - 1:,} more)" if len(numbers) > 1 else ""
    return f"row {numbers[0]:,}{more}"


def version_of(value: Any) -> int | str | None:
    """A version's number or alias, or None. Raises InvalidInput for other types."""
    if value is None or (isinstance(value, (int, str)) and not isinstance(value, bool)):
        return value
    raise InvalidInput(
        '"version" has to be a version\'s number or an alias.', problems=[Problem("Wrong.", "/version")]
    )


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if isinstance(value, bool):
        return value
    raise InvalidInput(f'"{name}" has to be true or false.', problems=[Problem("Wrong.", f"/{name}")])


def _nearest(value: Any) -> int:
    """The number of nearest training rows: N_NEAREST for true, 0 by default."""
    if value is None or isinstance(value, bool):
        return N_NEAREST if value else 0
    if isinstance(value, int) and 0 <= value <= MAX_NEAREST:
        return value
    raise InvalidInput(
        f'"nearest" has to be true, false or a number from 0 to {MAX_NEAREST}.',
        problems=[Problem("Wrong.", "/nearest")],
    )


def _coverage(value: Any) -> float | None:
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    raise InvalidInput('"coverage" has to be a number.', problems=[Problem("Wrong.", "/coverage")])


def _quantiles(value: Any) -> tuple[float, ...]:
    if value is None:
        return ()
    if isinstance(value, list) and all(
        isinstance(each, (int, float)) and not isinstance(each, bool) and 0 < each < 1 for each in value
    ):
        return tuple(value)
    raise InvalidInput(
        '"quantiles" has to be a list of numbers between 0 and 1.', problems=[Problem("Wrong.", "/quantiles")]
    )


def _horizon(value: Any) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise InvalidInput('"horizon" has to be a whole number.', problems=[Problem("Wrong.", "/horizon")])


def _group(value: Any, is_horizon: bool) -> str | None:
    """The name of a series: a number is written as in the rows, so that 3 and 3.0 name the series of {"store": 3}."""
    if value is None or (is_horizon and isinstance(value, (str, int, float))):
        return value if isinstance(value, str) else canonical_text(value)
    raise InvalidInput(
        '"group" has to be the name of a series, beside a "horizon".', problems=[Problem("Wrong.", "/group")]
    )


def _row_list(body: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    value = body.get(name)
    if value is None:
        return ()
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return value
    raise InvalidInput(
        f'"{name}" has to be a list of objects.', problems=[Problem("Not a list of objects.", f"/{name}")]
    )


def _future(body: Mapping[str, Any], is_horizon: bool) -> Sequence[Mapping[str, Any]]:
    rows = _row_list(body, "future")
    if rows and not is_horizon:
        raise InvalidInput(
            '"future" stands beside a "horizon"; in "rows", each row has its own values.',
            problems=[Problem("Without a horizon.", "/future")],
        )
    return rows
