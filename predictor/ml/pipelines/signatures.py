"""The model signature: the fields that a fitted pipeline expects, learnt from the rows it was fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types.reading import Reading, ValueKind
from ..types.schema import ColumnProfile, FeatureField, Role, Scalar, Signature, TableSchema
from ..validation.target import missing
from ..validation.training_table import TrainingTable, feature_roles, left_out_columns
from .fitted_pipeline import FittedPipeline

MAX_LEVELS = 5_000


def build_signature(pipeline: FittedPipeline, table: TrainingTable, schema: TableSchema) -> Signature:
    """The fields that the pipeline reads, and why the other columns were left out."""
    used = pipeline.spec.sources
    unused = {name: "it gives no feature" for name in table.columns if name not in used}
    empty = [name for name in feature_roles(schema, table.target.name) if name not in table.columns]
    reasons: Mapping[str, str] = {
        **{name: _why_empty(schema[name]) for name in empty},
        **left_out_columns(schema, table.target.name),
        **table.other_uses,
        **unused,
        **{name: why for name, why in pipeline.spec.left_out.items() if name not in used},
    }
    return Signature(
        target=table.target.name,
        task=table.task,
        fields=tuple(
            replace(
                field_of(name, table.roles[name], values, schema[name].storage),
                reading=reading_of(schema[name], table.roles[name], values),
            )
            for name, values in table.columns.items()
            if name in used
        ),
        classes=table.target.classes,
        left_out=reasons,
        positive_class=table.target.positive_name,
        class_texts=_class_texts(table, schema),
    )


def reading_of(column: ColumnProfile, role: Role, values: NDArray[Any]) -> Reading | None:
    """The reading of the column's cells; None where categories are the texts as they stand.

    Columns of typed truth values have one for the spelling of their labels only. Categories without a reading get one,
    so that blanks and the Unicode form make no difference in a prediction either, unless they make one in the training
    rows: a dataset of an older import may hold such spellings.
    """
    reading = column.reading
    if reading is None and column.has_categories:
        levels = dict.fromkeys(values[~missing(values)].tolist(), 1)
        reading = Reading(ValueKind.TEXT).with_spellings(levels)
        return reading if all(reading.read(level) == level for level in levels) else None
    if reading is None or reading.kind is ValueKind.TEXT:
        return reading
    is_text = role in (Role.CATEGORICAL, Role.TEXT) and column.storage == "VARCHAR"
    return None if is_text or column.storage == "BOOLEAN" else reading


def _class_texts(table: TrainingTable, schema: TableSchema) -> tuple[str, ...]:
    """The labels as the data writes them, if these are truth values that it does not write true and false."""
    reading = schema[table.target.name].reading if table.target.name in schema else None
    is_other = reading is not None and reading.kind is ValueKind.BOOLEAN and len(reading.spellings) == 2
    return reading.spellings if reading and is_other and table.target.classes == (False, True) else ()


def _why_empty(column: ColumnProfile) -> str:
    read = f"read as {column.reading.words}, " if column.reading is not None else ""
    return f"empty: {read}it has no value in a row that is used"


def field_of(name: str, role: Role, values: NDArray[Any], storage: str) -> FeatureField:
    """The field of a column: its statistics in these canonical values."""
    is_missing = missing(values)
    present = values[~is_missing]
    has_missing = bool(is_missing.any())
    if not len(present):
        return FeatureField(name, role, has_missing=True)
    if role in (Role.CATEGORICAL, Role.TEXT):
        levels = _levels(present)
        offered = levels[:MAX_LEVELS] if role is Role.CATEGORICAL else ()
        return FeatureField(name, role, has_missing, typical=levels[0], levels=offered)
    if role is Role.BOOLEAN:
        return FeatureField(name, role, has_missing, typical=bool(np.mean(present) >= 0.5))
    if role is Role.DATETIME:
        ordered = np.sort(present)
        first, middle, last = (
            _iso(each, storage) for each in (ordered[0], ordered[len(ordered) // 2], ordered[-1])
        )
        return FeatureField(name, role, has_missing, minimum=first, maximum=last, typical=middle)
    is_integer = bool(np.all(present == np.floor(present)))
    low, high = float(present.min()), float(present.max())
    # An observed value, not the mean of two: 1.5 is not a typical count.
    median = float(np.quantile(present, 0.5, method="lower"))
    typical: Scalar = int(median) if is_integer else median
    return FeatureField(name, role, has_missing, is_integer, low, high, typical)


def _levels(present: NDArray[Any]) -> tuple[str, ...]:
    """Most frequent first, equals in alphabetical order."""
    levels, counts = np.unique(present.astype(str), return_counts=True)
    return tuple(str(level) for level in levels[np.argsort(-counts, kind="stable")])


def _iso(moment: Any, storage: str) -> str:
    return str(np.datetime_as_string(moment, unit="D" if storage.upper() == "DATE" else "s"))
