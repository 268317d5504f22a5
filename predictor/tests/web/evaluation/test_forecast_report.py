"""Sentences about the backtest of a forecast."""

from __future__ import annotations

from typing import Any

from predictor.web.evaluation.forecast_report import forecast_facts

REPORT: dict[str, Any] = {
    "task": "forecasting", "n_series": 571, "horizon": 14, "season": 7, "frequency": "daily", "n_cuts": 3,
    "n_forecasts": 1_713,
}  # fmt: skip


def test_a_sample_of_the_series_is_told_as_one() -> None:
    facts = forecast_facts({**REPORT, "n_series_in_all": 10_000})
    assert facts.startswith("10,000 series (daily) with a season of 7 periods, up to 14 periods ahead.")
    assert facts.endswith("571 of the series were tested; the others are not in these figures.")


def test_a_report_of_before_names_the_series_that_it_knows() -> None:
    assert forecast_facts(REPORT).startswith("571 series (daily)")
    assert "were tested" not in forecast_facts(REPORT)


def test_public_holidays_are_named_with_their_library() -> None:
    stored = {"place": "DE-BY", "library": "0.109", "years": [2021, 2029]}
    facts = forecast_facts({**REPORT, "holidays": stored})
    assert facts.endswith("Public holidays of DE-BY are known until 2029 (library holidays 0.109).")
