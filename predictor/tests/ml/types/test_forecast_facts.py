"""Sentences about what a forecast knows."""

from __future__ import annotations

from predictor.ml.types.forecast_facts import forecast_sentences


def test_a_forecast_of_the_past_alone_has_none() -> None:
    assert list(forecast_sentences({"task": "forecasting", "n_series": 2})) == []


def test_columns_and_holidays_are_told() -> None:
    holidays = {"place": "DE-BY", "library": "0.109", "years": [2021, 2029]}
    report = {"known_columns": ["price", "promo"], "static_columns": ["region"], "holidays": holidays}
    assert list(forecast_sentences(report)) == [
        "Known in advance: price, promo. The test used their values of the periods that were forecast, as a forecast "
        "is given them.",
        "Facts of each series: region.",
        "Public holidays of DE-BY are known until 2029 (library holidays 0.109).",
    ]
