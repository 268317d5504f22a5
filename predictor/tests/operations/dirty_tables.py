"""Tables as people really write them, asked of a running server by HTTP: each from its import to its answers.

The right values follow from how each table is made, not from the program: mostly y is a multiple of one column.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ..waiting import wait_until
from .installation import FINAL, Installation


def noise(place: int) -> float:
    """A number in [-0.5, 0.5) that is always the same for a row."""
    return ((place * 7919 + 13) % 1000) / 1000 - 0.5


def near(number: float, place: int) -> str:
    """The number with a little noise: a target of whole numbers that never come again would be an identifier."""
    return f"{number + noise(place) / 10:.3f}"


def written(header: str, rows: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in (header, *rows))


@dataclass(frozen=True)
class DirtyTable:
    """A table, and how it is imported and trained. Without `training` it is imported only."""

    text: str
    training: dict[str, Any] | None = None


LINEAR = {"estimator": "linear"}
SINGLE_TREE = {"estimator": "decision_tree"}
LOGISTIC = {"estimator": "logistic_regression"}
BERLIN = ZoneInfo("Europe/Berlin")
DAYS = [date(2024, 2, 1) + timedelta(days=place) for place in range(100)]


def local_midnight(day: date) -> str:
    """As pandas writes it: 2024-03-31 00:00:00+01:00, then 2024-04-01 00:00:00+02:00."""
    return datetime(day.year, day.month, day.day, tzinfo=BERLIN).isoformat(sep=" ")


def with_comma(number: float, digits: int = 2) -> str:
    return f"{number:.{digits}f}".replace(".", ",")


LOCAL_MIDNIGHTS = written("d,v", (f"{local_midnight(day)},{100 + 10 * (day.weekday() == 6)}" for day in DAYS))
FORECAST = {"target": "v", "task": "forecasting", "date_column": "d", "horizon": 3}
DIRTY_TABLES = {
    # --- Marks of numbers ---------------------------------------------------------------------------------
    "thousands beside a decimal comma": DirtyTable(
        written("turnover;amount", (f"1.{100 + row};{row % 5},5" for row in range(40)))
    ),
    "a point groups thousands in rows to predict": DirtyTable(
        written(
            "a;b;y",
            (f"{1000 + 10 * row};{row % 7},5;{with_comma(10 + row / 10 + row % 7)}" for row in range(80))),
        LINEAR,
    ),
    "a word among decimal commas": DirtyTable(
        written(
            "p;q;y",
            (f"{'k.A.' if row % 16 == 3 else with_comma(1 + row / 100, 3)};{row % 5},5;"
             f"{with_comma(3 + 3 * row / 100)}" for row in range(80)),
        ),
        LINEAR | {"roles": {"p": "numeric"}},
    ),
    "accounting negatives": DirtyTable(
        written(
            "balance,y",
            (f"{row if row % 4 else f'({row})'},{near(2 * row * (1 if row % 4 else -1), row)}" for row in range(80))),
        LINEAR,
    ),
    "prices": DirtyTable(written(
        "price,y",
        (f'"${1000 + row:,}.50",{near(2 * (1000.5 + row), row)}' for row in range(60))), LINEAR),
    "percent": DirtyTable(written("rate,y", (f"{row}%,{near(row * 3, row)}" for row in range(60))), LINEAR),
    "errors of a spreadsheet": DirtyTable(
        written(
            "x,k,y",
            (f"{'#DIV/0!' if row % 10 == 0 else row},{row % 7},{near(2 * row, row)}" for row in range(80))), LINEAR
    ),
    "codes with the letter e": DirtyTable(
        written("code,y", (f"{('1E05', '2E10', '5E03', '7E01')[row % 4]},{row % 9}" for row in range(60)))
    ),
    # --- Dates --------------------------------------------------------------------------------------------
    "short dates, day or month first": DirtyTable(
        written(
            "d,k,y",
            (f"{1 + row % 12:02d}/{1 + row // 12:02d}/21,{row % 5},{near(row, row)}" for row in range(60))),
        LINEAR | {"roles": {"d": "datetime"}},
    ),
    "dates with NA": DirtyTable(
        written(
            "d,k,y",
            (f"{'NA' if row % 8 == 0 else f'2024-{1 + row // 28:02d}-{1 + row % 28:02d}'},{row % 5},{near(row, row)}"
                          for row in range(56))),
        LINEAR,
    ),
    "dates, year first": DirtyTable(written(
        "d,y",
        (f"2024/01/{1 + row % 31:02d},{row}" for row in range(62)))),
    "dates whose day can be told": DirtyTable(
        written("d,y", (f"{13 + row % 15}/{1 + row // 15:02d}/2024,{row}" for row in range(45)))
    ),
    "local midnights": DirtyTable(LOCAL_MIDNIGHTS, FORECAST | {"frequency": "daily"}),
    "local midnights without a frequency": DirtyTable(LOCAL_MIDNIGHTS, FORECAST),
    "months": DirtyTable(
        written(
            "d,v",
            (f"{1949 + row // 12}-{1 + row % 12:02d},{near(100 + row, row)}" for row in range(60))), FORECAST
    ),
    "series with numbers for names": DirtyTable(
        written("store,d,v", (f"{store},2024-01-{1 + row:02d},{near(100 * store + row, row)}"
                              for row in range(28) for store in (3, 1, 10))),
        FORECAST | {"group_column": "store"},
    ),
    # --- Labels and categories ----------------------------------------------------------------------------
    "classes that pandas wrote as floats": DirtyTable(
        written(
            "x,y",
            (f"{row % 3 * 10 + noise(row):.3f},{f'{row % 3 + 1}.0' if row % 10 else ''}" for row in range(120))),
        SINGLE_TREE,
    ),
    "NA among labels": DirtyTable(
        written(
            "x,y",
            (f"{row % 10 + noise(row):.2f},{'NA' if row % 7 == 0 else 'yes' if row % 10 > 4 else 'no'}"
                        for row in range(84))),
        LOGISTIC,
    ),
    "labels apart by blanks and case": DirtyTable(
        written(
            "x,y",
            (f"{row % 10 + noise(row):.2f},{('yes', 'yes ', 'Yes')[row % 3] if row % 10 > 4 else 'no'}"
                        for row in range(90))),
        LOGISTIC,
    ),
    "plus and minus": DirtyTable(
        written(
            "x,y",
            (f"{row % 10 + noise(row):.2f},{'+' if row % 10 > 4 else '-'}" for row in range(90))), LOGISTIC
    ),
    "true and false in lower case": DirtyTable(
        written(
            "x,y",
            (f"{row % 10 + noise(row):.2f},{str(row % 10 > 4).lower()}" for row in range(90))), LOGISTIC
    ),
    "words for truth": DirtyTable(
        written(
            "customer,k,y",
            (f"{('ja', 'nein')[row % 2]},{row % 10},{near(row % 2 * 10 + row % 10, row)}" for row in range(80))),
        LINEAR | {"roles": {"customer": "boolean"}},
    ),
    "blanks before categories": DirtyTable(
        written(
            "c,k,y",
            (f"{('Paris', 'Rome', 'Oslo')[row % 3]},{row % 2},{near(row % 3 * 10 + row % 2, row)}"
             for row in range(90)),
        ),
        LINEAR,
    ),
    # --- Lines and names ----------------------------------------------------------------------------------
    "delimiters at line ends": DirtyTable(written(
        "a,k,y",
        (f"{row},{row % 5},{near(2 * row, row)}," for row in range(80))), LINEAR),
    "a title above the header": DirtyTable(
        "Report of June\n\n" + written("a,y", (f"{row},{near(2 * row, row)}" for row in range(60))), LINEAR
    ),
    "a header in two characters": DirtyTable(
        written(
            "Gro\u0308\u00dfe,y",
            (f"{row % 20},{near(3 * (row % 20), row)}" for row in range(80))), LINEAR
    ),
    "names that differ by case": DirtyTable(
        written(
            "Radius,radius,y",
            (f"{row % 10},{row % 7},{near(10 * (row % 10) + row % 7, row)}" for row in range(80))), LINEAR
    ),
}  # fmt: skip


class Replay:
    """All tables imported and trained on one installation, side by side."""

    def __init__(self, installation: Installation):
        self.installation, self.http = installation, installation.http
        self._datasets: dict[str, dict[str, Any]] = {}
        self._runs: dict[str, int] = {}
        # By name: a refused table fails the tests of that table only.
        self._refusals: dict[str, str] = {}
        for number, (name, table) in enumerate(DIRTY_TABLES.items()):
            try:
                self._datasets[name] = self._uploaded(table.text)
                if table.training is not None:
                    options = {"registered_model": f"t{number}", "budget_seconds": 20, **table.training}
                    self._runs[name] = installation.train(self._datasets[name], **options)
            except AssertionError as error:
                self._refusals[name] = str(error)

    def _uploaded(self, text: str) -> dict[str, Any]:
        response = self.http.post("/datasets", files={"file": ("table.csv", text.encode(), "text/csv")})
        # 200: the same bytes were imported before.
        assert response.status_code in (200, 201), response.text
        return response.json()  # type: ignore[no-any-return]

    def dataset(self, name: str) -> dict[str, Any]:
        assert name not in self._refusals, self._refusals[name]
        return self._datasets[name]

    def column(self, name: str, column: str) -> dict[str, Any]:
        return next(each for each in self.dataset(name)["columns"] if each["name"] == column)

    def run(self, name: str) -> dict[str, Any]:
        """The finished run of a table."""
        assert name not in self._refusals, self._refusals[name]
        pk = self._runs[name]
        wait_until(lambda: self.installation.run(pk)["status"] in FINAL, f"the run on {name}")
        run = self.installation.run(pk)
        assert run["status"] == "succeeded", run["error"]
        return run

    def model(self, name: str) -> str:
        return str(self.run(name)["registered_model"])

    def version(self, name: str) -> dict[str, Any]:
        return self._good(self.http.get(f"/models/{self.model(name)}/versions/1")).json()  # type: ignore[no-any-return]

    def ask(self, name: str, **body: Any) -> list[dict[str, Any]]:
        answer = self._good(self.http.post(f"/models/{self.model(name)}/predictions", json=body)).json()
        return answer["predictions"]  # type: ignore[no-any-return]

    def predict(self, name: str, *rows: dict[str, Any]) -> list[Any]:
        return [each["prediction"] for each in self.ask(name, rows=list(rows))]

    def predict_csv(self, name: str, text: str, **query: str) -> list[dict[str, str]]:
        response = self.http.post(
            f"/models/{self.model(name)}/predictions",
            content=text.encode(),
            params=query,
            headers={"Content-Type": "text/csv"},
        )
        return list(csv.DictReader(io.StringIO(self._good(response).text)))

    def invoke(self, name: str, text: str) -> list[Any]:
        """By MLflow's route for CSV."""
        where = (
            str(self.http.base_url).replace("/api/v1/", "/serve/") + f"models/{self.model(name)}/invocations"
        )
        response = self.http.post(where, content=text.encode(), headers={"Content-Type": "text/csv"})
        return self._good(response).json()["predictions"]  # type: ignore[no-any-return]

    @staticmethod
    def _good(response: Any) -> Any:
        assert response.status_code == 200, response.text
        return response
