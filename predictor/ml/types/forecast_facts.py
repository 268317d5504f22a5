"""What a forecast knows beside the past of its series, in sentences, from its report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def forecast_sentences(report: Mapping[str, Any]) -> Iterator[str]:
    """Nothing for other tasks, and for forecasts of nothing but the past."""
    if known := report.get("known_columns"):
        yield (
            f"Known in advance: {', '.join(known)}. The test used their values of the periods that were forecast, as a "
            "forecast is given them."
        )
    if static := report.get("static_columns"):
        yield f"Facts of each series: {', '.join(static)}."
    if holidays := report.get("holidays"):
        yield (
            f"Public holidays of {holidays['place']} are known until {holidays['years'][1]} (library holidays "
            f"{holidays['library']})."
        )
