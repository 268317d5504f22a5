"""Rows of a small CSV text, such as one that is pasted into a form: values of the future beside a horizon."""

from __future__ import annotations

import csv
import io

from django.conf import settings

from ...errors import InvalidInput, TooLarge, quoted_list
from ...ml.types.column_names import repeated_names

DELIMITERS = (",", ";", "\t")


def rows_of_csv(text: str) -> list[dict[str, str | None]]:
    """The rows {column: text}; an empty cell is None. Raises InvalidInput, TooLarge.

    The delimiter is the one of comma, semicolon and tab that the header has most of.
    """
    lines = text.strip("\r\n").splitlines()
    if not lines:
        return []
    limit = settings.MAX_PREDICTION_ROWS
    if len(lines) > limit + 1:
        raise TooLarge(
            f"The CSV may hold {limit:,} rows, and this one holds {len(lines) - 1:,}.", limit=limit
        )
    delimiter = max(DELIMITERS, key=lines[0].count)
    try:
        header, *records = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter, strict=True)
    except csv.Error as error:
        raise InvalidInput(f"The CSV cannot be read: {error}.") from None
    if repeated := sorted(repeated_names(header)):
        raise InvalidInput(f"Columns of the CSV are named more than once: {quoted_list(repeated)}.")
    wrong = [
        number for number, record in enumerate(records, start=1) if record and len(record) != len(header)
    ]
    if wrong:
        raise InvalidInput(
            f"Row {wrong[0]:,} of the CSV has not as many cells as its header ({len(header)}: "
            f"{quoted_list(header)})."
        )
    return [
        {name: cell.strip() or None for name, cell in zip(header, record, strict=True)}
        for record in records
        if record
    ]
