from __future__ import annotations

import pytest

from predictor.ml.types.date_forms import DATE_FORMS
from predictor.ml.types.reading import Reading, Unreadable, ValueKind


@pytest.mark.parametrize("text", ["٣١.١٢.٢٠٢٤", "２０２４-05-31", "3१.12.2024"])
def test_dates_have_ascii_digits_as_numbers_have(text: str) -> None:
    with pytest.raises(Unreadable):
        Reading(ValueKind.DATE, dates=tuple(DATE_FORMS)).read(text)
