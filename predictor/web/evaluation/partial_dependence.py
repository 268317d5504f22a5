"""Partial dependence on the version page: the curves of `ml/explanation/partial_dependence.py`, one column at a time.

Reads the report leniently, as the rest of the page does: an old version has no curves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...ml.types.left_out import DEPENDENCE_NO_TIME
from ...ml.types.monotone import monotone_sentences
from ...ml.types.schema import Role
from ...templatetags.mlweb import number, share
from ..charts.chart import Chart
from ..charts.palette import slot_of_class, slot_of_place
from ..pages.value_texts import day

ORDERED = (Role.NUMERIC, Role.DATETIME)
MISSING = gettext_lazy("missing")
LINES = gettext_lazy("single rows")
READ_LINES = gettext_lazy(
    "The strong line is the mean answer for %(rows)s held-out rows if all had this value and kept the rest; the faint "
    "ones are single rows. Lines that cross mean that the column acts together with others. The marks at the bottom "
    "are the deciles of the column: between marks that are far apart few rows stand behind the line."
)
READ_CLASSES = gettext_lazy(
    "The mean probability of each class for %(rows)s held-out rows if all had this value and kept the rest. The marks "
    "at the bottom are the deciles of the column: between marks that are far apart few rows stand behind the lines."
)
READ_LEVELS = gettext_lazy(
    "The dot is the mean answer for %(rows)s held-out rows if all had this value and kept the rest; four in five of "
    "the rows are within the line. In brackets: how many held-out rows really have the value."
)
READ_LEVELS_OF_CLASSES = gettext_lazy(
    "The mean probability of each class for %(rows)s held-out rows if all had this value and kept the rest. In "
    "brackets: how many held-out rows really have the value."
)


@dataclass(frozen=True)
class Choice:
    """One option of a list: the value that is sent, the label, and whether it is chosen."""

    value: str
    label: str
    is_chosen: bool


class DependenceView:
    """The partial dependence of one column, and the lists to choose another column or a class from.

    `asked` are the page's query parameters: `column` is an index (a column's name can be any text).
    """

    def __init__(self, report: Mapping[str, Any], target: str, query: Mapping[str, Any]):
        self.document: Mapping[str, Any] = report.get("dependence") or {}
        self.names: Sequence[str] = report.get("classes") or []
        self.monotone: Sequence[Mapping[str, Any]] = report.get("monotone") or []
        self.positive = str((report.get("decision") or {}).get("positive") or "")
        self.target = target
        self.place = _place(query.get("column"), len(self.features))
        self.class_place = _place(query.get("class"), len(self.classes), otherwise=None)
        if len(self.classes) == 1:
            self.class_place = 0

    @property
    def features(self) -> Sequence[Mapping[str, Any]]:
        return self.document.get("features") or []

    @property
    def classes(self) -> Sequence[str]:
        return self.document.get("classes") or []

    @property
    def skipped(self) -> list[tuple[str, list[str]]]:
        """Pairs of a reason and the columns without a curve for this reason."""
        by_reason: dict[str, list[str]] = {}
        for each in self.document.get("skipped") or []:
            reason = str(each.get("reason"))
            if reason.endswith("more important ones are shown") and not reason.startswith(
                f"{len(self.features)} "
            ):
                # Older reports say so, too, where the time ended before so many curves were drawn.
                reason = DEPENDENCE_NO_TIME
            by_reason.setdefault(reason, []).append(str(each.get("column")))
        return list(by_reason.items())

    @property
    def columns(self) -> list[Choice]:
        return [
            Choice(str(place), str(each["column"]), place == self.place)
            for place, each in enumerate(self.features)
        ]

    @property
    def class_choices(self) -> list[Choice]:
        """Empty for less than two classes: there is nothing to choose."""
        if len(self.classes) < 2:
            return []
        named = [
            Choice(str(place), name, place == self.class_place) for place, name in enumerate(self.classes)
        ]
        return [Choice("", _("All of these"), self.class_place is None), *named]

    @property
    def feature(self) -> Mapping[str, Any] | None:
        return self.features[self.place] if self.place is not None and self.features else None

    @property
    def held_to(self) -> str:
        """The direction that the chosen column was held to, as a sentence."""
        column = self.feature and self.feature["column"]
        proofs = [each for each in self.monotone if each["column"] == column]
        return " ".join(monotone_sentences({"monotone": proofs}, self.positive))

    @property
    def answer_words(self) -> str:
        if not self.classes:
            return self.target
        if self.class_place is None:
            return _("probability")
        return _("probability of %(class)s") % {"class": self.classes[self.class_place]}

    @property
    def at_missing(self) -> str:
        """The mean answer for a missing value, in words; empty where none is missing or it is drawn."""
        feature = self.feature
        if (
            not feature
            or feature["role"] not in ORDERED
            or not feature["grid"]
            or feature["grid"][-1] is not None
        ):
            return ""
        formatted = share if self.classes else number
        return ", ".join(
            f"{curve['class']}: {formatted(curve['mean'][-1])}" if self.class_place is None and self.classes
            else formatted(curve["mean"][-1])
            for curve in self._curves(feature)
        )  # fmt: skip

    @property
    def chart(self) -> Chart | None:
        feature = self.feature
        if feature is None:
            return None
        return self._line(feature) if feature["role"] in ORDERED else self._dots(feature)

    def _curves(self, feature: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        curves = feature["curves"]
        return curves if self.class_place is None or not self.classes else [curves[self.class_place]]

    def _slot(self, curve: Mapping[str, Any], place: int) -> int:
        """The colour of a curve: that of its class in all charts of the version."""
        return (
            slot_of_class(curve["class"], self.names)
            if curve.get("class") and self.names
            else slot_of_place(place)
        )

    def _line(self, feature: Mapping[str, Any]) -> Chart:
        grid, curves = feature["grid"], self._curves(feature)
        is_single = len(curves) == 1
        series = [
            {
                "name": _("mean") if is_single else curve["class"],
                "slot": self._slot(curve, place),
                "points": _points(grid, curve["mean"]),
            }
            for place, curve in enumerate(curves)
        ]
        if is_single:
            series += [
                {"name": str(LINES), "faint": True, "points": _points(grid, line)}
                for line in curves[0]["lines"]
            ]
        data = {
            "series": series,
            "rug": feature.get("marks") or [],
            "dates": feature["role"] == Role.DATETIME,
            "scale": True,
            "x": feature["column"],
            "y": self.answer_words,
        }
        return self._chart_of("line", data, READ_LINES if is_single else READ_CLASSES)

    def _dots(self, feature: Mapping[str, Any]) -> Chart:
        curves = self._curves(feature)
        is_single = len(curves) == 1
        data = {
            "labels": [
                f"{_level(value)} ({number(count)})"
                for value, count in zip(feature["grid"], feature.get("counts") or [], strict=False)
            ],
            "series": [
                {
                    "name": _("mean") if is_single else curve["class"],
                    "slot": self._slot(curve, place),
                    "values": curve["mean"],
                }
                for place, curve in enumerate(curves)
            ],
            "ranges": list(zip(curves[0]["low"], curves[0]["high"], strict=True)) if is_single else [],
            "percent": bool(self.classes),
            "x": self.answer_words,
            "y": feature["column"],
        }
        return self._chart_of("dots", data, READ_LEVELS if is_single else READ_LEVELS_OF_CLASSES)

    def _chart_of(self, kind: str, data: Mapping[str, Any], meaning: Any) -> Chart:
        column = data["x"] if kind == "line" else data["y"]
        return Chart(
            "dependence",
            kind,
            data,
            "",
            _("Mean %(answer)s for each value of %(column)s")
            % {"answer": self.answer_words, "column": column},
            str(meaning) % {"rows": number(self.document.get("n_rows"))},
        )


def _place(text: Any, n: int, *, otherwise: int | None = 0) -> int | None:
    text = str(text or "")
    is_place = text.isascii() and text.isdecimal() and len(text) < 5
    return int(text) if is_place and int(text) < n else otherwise


def _points(grid: Sequence[Any], values: Sequence[Any]) -> list[list[Any]]:
    return [
        [day(x) if isinstance(x, str) else x, value]
        for x, value in zip(grid, values, strict=True)
        if x is not None
    ]


def _level(value: Any) -> str:
    if value is None:
        return str(MISSING)
    return {True: _("Yes"), False: _("No")}[value] if isinstance(value, bool) else str(value)
