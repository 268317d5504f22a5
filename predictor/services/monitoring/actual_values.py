"""Actual values as a version reads them: a number, or one of its classes."""

from __future__ import annotations

import math
from typing import Any

from ...errors import InvalidInput, quoted
from ...ml.types.schema import Scalar, Signature, Task, label_text

MAX_CHARACTERS = 500
# Whole numbers beyond this are not exact as floats, and no database compares them well.
LARGEST = 1e300


def scalar(value: Any) -> Scalar:
    """A value as it can be stored before its version is known. Raises InvalidInput."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        try:
            is_finite = math.isfinite(value) and abs(value) <= LARGEST
        except OverflowError:
            is_finite = False
        if is_finite:
            return value
    elif isinstance(value, str):
        text = value.replace("\0", "").strip()
        if text and len(text) <= MAX_CHARACTERS:
            return text
    raise InvalidInput(
        "The actual value has to be a number, a truth value, or a text of "
        f"1 to {MAX_CHARACTERS} characters; got {quoted('nothing' if value in (None, '') else value)}.",
        field="value",
    )


def value_for(signature: Signature, value: Scalar) -> Scalar:
    """The value as the version writes it: one of its classes, another label as it is, or a number.

    Raises InvalidInput for what cannot be a value of the target.
    """
    if signature.task.is_classification:
        return _label(signature, value)
    if signature.task not in (Task.REGRESSION, Task.FORECASTING):
        raise InvalidInput(
            f"A version for {signature.task.label} predicts no target, so nothing can come true.",
            field="value",
        )
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = math.nan
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidInput(
            f"The actual value of {quoted(signature.target)} has to be a number, such as 12.5.", field="value"
        )
    return float(value)


def is_known(signature: Signature, value: Scalar) -> bool:
    """Whether the value is one of the classes; always for numbers."""
    return not signature.task.is_classification or label_text(value) in signature.class_names


def _label(signature: Signature, value: Scalar) -> Scalar:
    """The class that the value names: by its text, as the data writes it, as a number, or but for its case."""
    text = label_text(value)
    for names in (signature.class_names, signature.label_texts):
        if text in names:
            return signature.classes[names.index(text)]
    number = _number(text)
    by_number = [
        each for each in signature.classes if number is not None and _number(label_text(each)) == number
    ]
    by_case = [each for each in signature.classes if label_text(each).casefold() == text.casefold()]
    for found in (by_number, by_case):
        if len(found) == 1:
            return found[0]
    return value


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
