"""What a list shows of a logged row: some inputs, the answer and counts, at most about 12 KB of JSON.

A row of 1,000 columns with its explanation and its warnings takes a hundred times as much. The database cuts the texts
and counts the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Func, IntegerField, TextField
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Cast, Substr

from ...models.prediction_log import PredictionLogQuerySet

# Characters of the inputs, and of each part of the output, that a list reads.
MAX_CHARACTERS = 4_096
DECODER = json.JSONDecoder()


class _Count(Func):
    """The number of members of a JSON object, or of entries of a list."""

    output_field = IntegerField()
    template = "(SELECT COUNT(*) FROM json_each(%(expressions)s))"

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = (
            "(CASE jsonb_typeof(%(expressions)s) WHEN 'object' THEN "
            "(SELECT COUNT(*) FROM jsonb_object_keys(%(expressions)s)) "
            "WHEN 'array' THEN jsonb_array_length(%(expressions)s) ELSE 0 END)"
        )
        sql, parameters = self.as_sql(compiler, connection, template=template, **context)
        return sql, (*parameters, *parameters, *parameters, *parameters)


def _start(document: Any) -> Substr:
    return Substr(Cast(document, TextField()), 1, MAX_CHARACTERS)


@dataclass(frozen=True)
class RowSummary:
    """The first inputs of a row, with the number of all; its answer; the number of its warnings."""

    inputs: tuple[tuple[str, Any], ...]
    n_inputs: int
    output: Mapping[str, Any]
    n_warnings: int


def summarized(rows: PredictionLogQuerySet) -> PredictionLogQuerySet:
    """The rows for `summary_of`, without their documents."""
    return rows.defer("inputs", "output", "warnings").annotate(
        inputs_start=_start("inputs"),
        n_inputs=_Count(F("inputs")),
        output_start=_start("output"),
        # PostgreSQL keeps the members of an object in another order: the explanation stands before them.
        probabilities_start=_start(KeyTransform("probabilities", "output")),
        n_warnings=_Count(F("warnings")),
    )


def summary_of(row: Any, n_inputs: int | None) -> RowSummary:
    """The summary of a row from `summarized`, with its first `n_inputs` inputs; None: all that are read.

    Of an output that is too long, what stands in its beginning: the prediction, and the probabilities if these are few.
    """
    inputs = members_at_start(row.inputs_start, n_inputs)
    output = dict(members_at_start(row.output_start, None))
    if "probabilities" not in output and row.probabilities_start:
        output["probabilities"] = dict(members_at_start(row.probabilities_start, None))
    return RowSummary(tuple(inputs), row.n_inputs, output, row.n_warnings)


def members_at_start(text: str, n: int | None) -> list[tuple[str, Any]]:
    """The first members of a JSON object whose text may end anywhere; a text value that is cut ends with “…”."""
    members: list[tuple[str, Any]] = []
    place = _after(text, 0, "{")
    while place is not None and (n is None or len(members) < n):
        try:
            name, place = DECODER.raw_decode(text, place)
            place = _after(text, place, ":")
            if place is None:
                break
        except ValueError:
            break
        try:
            value, end = DECODER.raw_decode(text, place)
            # A number at the very end may be cut.
            if end == len(text):
                break
        except ValueError:
            if text.startswith('"', place):
                members.append((name, _cut_text(text[place + 1 :])))
            break
        members.append((name, value))
        place = _after(text, end, ",")
    return members


def _after(text: str, place: int, mark: str) -> int | None:
    """The place after a mark and the blanks around it; None where another character stands."""
    while place < len(text) and text[place].isspace():
        place += 1
    if not text.startswith(mark, place):
        return None
    place += 1
    while place < len(text) and text[place].isspace():
        place += 1
    return place


def _cut_text(start: str) -> str:
    """The text of a JSON string without its end."""
    for n_left_out in range(13):  # as long as both escapes of one character
        try:
            text = str(json.loads(f'"{start[: len(start) - n_left_out]}"'))
            text.encode()  # half of such a pair is no text
        except ValueError:
            continue
        return text + "…"
    return "…"
