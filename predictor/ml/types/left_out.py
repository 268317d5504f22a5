"""Parts of an evaluation report that a training run had no time for.

A report has them under "left_out": [{"part", "names": the columns, baselines or methods, [] for the whole part,
"reason"}]. A report from before that is read for the sentences that it has about missing time; of what it does not
tell, nothing is claimed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Part(StrEnum):
    """A part of a report that can be left out and computed later, in the order in which they are computed."""

    IMPORTANCE = "importance"
    DEPENDENCE = "dependence"
    BASELINES = "baselines"
    SLICES = "slices"
    LEARNING_CURVE = "learning_curve"
    NUMBERS = "numbers"
    STABILITY = "stability"
    CHANCE = "chance"
    REASONS = "reasons"

    @property
    def label(self) -> str:
        return TITLES[self]

    @property
    def depends_on_threshold(self) -> bool:
        """Whether a version with another decision threshold has other values of it."""
        return self in (Part.BASELINES, Part.SLICES)


TITLES = {
    Part.IMPORTANCE: "Permutation importance",
    Part.DEPENDENCE: "Partial dependence curves",
    Part.BASELINES: "Baselines",
    Part.SLICES: "Slices with larger errors",
    Part.LEARNING_CURVE: "Learning curve",
    Part.NUMBERS: "Other numbers of clusters",
    Part.STABILITY: "Stability",
    Part.CHANCE: "Comparison with chance",
    Part.REASONS: "Reasons of the most unusual rows",
}
NO_TIME = "there was no time left for it"
NO_TIME_FOR_ALL = "the time ran out before all of them were done"

# Keys of a report of which a version with another threshold has values of its own.
OF_THRESHOLD = ("baselines", "baseline_notes", "slices", "n_slices_tested", "verdict")

# Sentences of reports from before "left_out"; for these tasks the reports of today have them, too.
CURVE_NO_TIME = "Whether more rows would help was not looked at: there was no time left for it."
DEPENDENCE_NO_TIME = "the time ran out"
DEPENDENCE_BEYOND = "more important ones are shown"
BASELINE_NOTE = re.compile(r"The baseline (?P<title>.+) was left out: (?P<why>.+)\.", re.DOTALL)
SHAPLEY = "shapley"


@dataclass(frozen=True)
class LeftOut:
    """One part that was left out. `names`: which of its columns, baselines or methods; empty for the whole part."""

    part: Part
    reason: str = NO_TIME
    names: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "part": self.part.value, "names": list(self.names)}

    @classmethod
    def from_json(cls, data: Any) -> LeftOut | None:
        """None for a part that this version of mlweb does not know."""
        try:
            return cls(Part(data["part"]), str(data.get("reason") or NO_TIME), tuple(data.get("names") or ()))
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


def left_out_of(report: Mapping[str, Any]) -> list[LeftOut]:
    """The parts that the report says it left out; for older reports, those that their sentences tell of."""
    stored = report.get("left_out")
    if isinstance(stored, Sequence):
        return [part for each in stored if (part := LeftOut.from_json(each)) is not None]
    return told_by(report)


def told_by(report: Mapping[str, Any]) -> list[LeftOut]:
    """The parts that the report tells to be missing for lack of time, by its notes and empty parts."""
    kinds = {"clustering": _of_clusters, "anomaly": _of_anomalies, "forecasting": _of_nothing}
    return in_order(kinds.get(str(report.get("task")), _of_supervised)(report))


def in_order(parts: Iterable[LeftOut]) -> list[LeftOut]:
    """The parts in the order in which they are computed."""
    order = list(Part)
    return sorted(parts, key=lambda each: order.index(each.part))


def _of_supervised(report: Mapping[str, Any]) -> Iterator[LeftOut]:
    if missing := missing_baselines(report.get("baseline_notes") or ()):
        yield LeftOut(Part.BASELINES, "; ".join(dict.fromkeys(missing.values())), tuple(missing))
    if (report.get("learning_curve") or {}).get("sentence") == CURVE_NO_TIME:
        yield LeftOut(Part.LEARNING_CURVE)
    if report.get("importance_kind") == SHAPLEY:
        yield LeftOut(Part.IMPORTANCE, "there was no time for it, so mean absolute Shapley values are shown")
    elif report.get("importance") == []:
        yield LeftOut(Part.IMPORTANCE)
    document = report.get("dependence") or {}
    columns = tuple(str(each.get("column")) for each in _skipped_for_time(document))
    if columns:
        is_all = not document.get("features")
        yield LeftOut(Part.DEPENDENCE, NO_TIME if is_all else NO_TIME_FOR_ALL, columns)


def missing_baselines(notes: Sequence[Any]) -> dict[str, str]:
    """The titles of the baselines that these notes say were left out, each with the reason."""
    matches = [match for note in notes if (match := BASELINE_NOTE.fullmatch(str(note)))]
    return {match["title"]: match["why"] for match in matches}


def _skipped_for_time(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    n_shown = len(document.get("features") or ())
    for each in document.get("skipped") or ():
        reason = str(each.get("reason"))
        # Older reports give the limit of curves as the reason also where the time ended before it.
        is_beyond = reason.endswith(DEPENDENCE_BEYOND) and not reason.startswith(f"{n_shown} ")
        if reason == DEPENDENCE_NO_TIME or is_beyond:
            yield each


def _of_clusters(report: Mapping[str, Any]) -> Iterator[LeftOut]:
    metrics = report.get("metrics") or {}
    if "stability" in metrics and metrics["stability"] is None:
        yield LeftOut(Part.STABILITY)
    if "chance" in report and report["chance"] is None:
        yield LeftOut(Part.CHANCE)


def _of_anomalies(report: Mapping[str, Any]) -> Iterator[LeftOut]:
    metrics = report.get("metrics") or {}
    if "stability" in metrics and metrics["stability"] is None:
        yield LeftOut(Part.STABILITY)
    rows = report.get("rows") or ()
    n_without = sum("reasons" in row and row["reasons"] is None for row in rows)
    if n_without:
        yield LeftOut(Part.REASONS, NO_TIME if n_without == len(rows) else NO_TIME_FOR_ALL)


def _of_nothing(report: Mapping[str, Any]) -> Iterator[LeftOut]:
    """A forecast is fitted and tested in full, or the run fails."""
    yield from ()


def completed(
    report: Mapping[str, Any],
    supplement: Mapping[str, Any],
    parts: Mapping[str, str],
    *,
    at_own_threshold: bool = True,
) -> dict[str, Any]:
    """The report with the parts that were computed later, which it names under "computed_later": {part: when}.

    `supplement` has the keys of the report that changed. `at_own_threshold` False: the report is of another decision
    threshold than the supplement; then what depends on it is not taken.
    """
    added = {
        name: when
        for name, when in parts.items()
        if name in TITLES and (at_own_threshold or not Part(name).depends_on_threshold)
    }
    left = () if at_own_threshold else OF_THRESHOLD
    changed = {key: value for key, value in supplement.items() if key not in left}
    if "left_out" in report:
        changed["left_out"] = [each for each in report["left_out"] if each.get("part") not in added]
    return {**report, **changed, "computed_later": added}
