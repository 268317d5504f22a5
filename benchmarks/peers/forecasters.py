"""Series that statsmodels ships, and forecasts of statsforecast: run in an environment of its own by forecasting.py.

python forecasters.py series             prints {name: {"frequency", "season", "start", "values"}}
python forecasters.py forecasts < tasks  prints, for each of [{"season", "horizon", "values"}], the forecasts
                                         {method: {"mean", "80": [low, high], "95": [low, high]}}
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import numpy as np

warnings.simplefilter("ignore")


def series() -> dict[str, Any]:
    from statsmodels import datasets
    from statsmodels.datasets import elec_equip

    co2 = datasets.co2.load_pandas().data["co2"].resample("MS").mean().interpolate()
    elnino = datasets.elnino.load_pandas().data.set_index("YEAR").to_numpy().ravel()
    equipment = elec_equip.load().data.iloc[:, 0]
    macro = datasets.macrodata.load_pandas().data
    return {
        "co2": of("monthly", 12, "1958-03", co2),
        "elnino": of("monthly", 12, "1950-01", elnino),
        "elec_equip": of("monthly", 12, str(equipment.index[0])[:7], equipment),
        "nile": of("yearly", 1, "1871-01", datasets.nile.load_pandas().data["volume"]),
        "sunspots": of("yearly", 1, "1700-01", datasets.sunspots.load_pandas().data["SUNACTIVITY"]),
        "us_gdp": of("quarterly", 4, "1959-01", macro["realgdp"]),
        "us_unemployment": of("quarterly", 4, "1959-01", macro["unemp"]),
        "us_inflation": of("quarterly", 4, "1959-01", macro["infl"]),
    }


def of(frequency: str, season: int, start: str, values: Any) -> dict[str, Any]:
    return {
        "frequency": frequency,
        "season": season,
        "start": start,
        "values": [float(each) for each in values],
    }


def forecasts(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    from statsforecast.models import AutoARIMA, AutoETS, SeasonalNaive

    found = []
    for task in tasks:
        season, values = task["season"], np.array(task["values"])
        models = {
            "seasonal naive": SeasonalNaive(season),
            "AutoETS": AutoETS(season_length=season),
            "AutoARIMA": AutoARIMA(season_length=season),
        }
        answers = {}
        for name, model in models.items():
            answer = model.forecast(values, task["horizon"], level=[80, 95])
            ends = {
                str(level): [np.asarray(answer[f"{end}-{level}"]).tolist() for end in ("lo", "hi")]
                for level in (80, 95)
            }
            answers[name] = {"mean": np.asarray(answer["mean"]).tolist(), **ends}
        found.append(answers)
    return found


if __name__ == "__main__":
    result = series() if sys.argv[1] == "series" else forecasts(json.load(sys.stdin))
    print(json.dumps(result))
