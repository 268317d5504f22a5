"""Parts of an evaluation report: decision threshold, coverage, calibration, gain and lift, sizes of errors.

Reads the JSON of `ml/evaluation/evaluation_report.py` leniently, as report.py does: what an older version lacks
is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from ...i18n.translation import translated
from ...ml.types.threshold_rule import ThresholdRule, catches_none
from ...models import ModelVersion
from ...templatetags.mlweb import number, share
from ..charts.chart import Chart
from ..pages.coverage_words import IN, in_cases
from .probability_charts import gain_chart, lift_chart, shown_classes, threshold_chart


@dataclass(frozen=True)
class Decision:
    """The decision threshold of two classes, and its results on held-out rows."""

    threshold: float
    positive: str
    is_chosen: bool
    reason: str
    note: str
    warning: str
    numbers: Mapping[str, Any]
    can_change: bool
    chart: Chart | None

    @classmethod
    def of(cls, version: ModelVersion) -> Decision | None:
        decision = version.evaluation.get("decision")
        if not decision:
            return None
        return cls(
            threshold=decision["threshold"],
            positive=decision["positive"],
            is_chosen=decision["is_chosen"],
            reason=ThresholdRule.from_json(decision["rule"]).sentence_on(decision["positive"])
            if decision["rule"]
            else "",
            note=decision["note"],
            # Computed, since older reports do not hold it.
            warning=catches_none(decision["positive"], decision["held_out"]),
            numbers=decision["held_out"],
            can_change="scores.json" in version.artifacts,
            chart=threshold_chart(version.evaluation.get("thresholds"), decision),
        )

    @property
    def n_positive(self) -> float:
        """Rows of the positive class; of weighted rows, the sum of their weights."""
        return self._count("true_positive", "false_negative")

    @property
    def n_negative(self) -> float:
        return self._count("false_positive", "true_negative")

    def _count(self, *names: str) -> float:
        return sum(self.numbers[name] for name in names)

    @property
    def sentence(self) -> str:
        if not self.is_chosen:
            return _(
                "“%(positive)s” is predicted when it is the more probable class: from a probability of 50 %%."
            ) % {"positive": self.positive}
        return _(
            "“%(positive)s” is predicted from a probability of %(share)s, a threshold that %(reason)s."
        ) % {"positive": self.positive, "share": share(self.threshold), "reason": translated(self.reason)}


@dataclass(frozen=True)
class CoverageRow:
    """The requested coverage of intervals or sets, and the empirical coverage on held-out rows."""

    asked: str
    covered: float
    size: str
    empty: float | None


@dataclass(frozen=True)
class GainRow:
    rows: float
    found: float
    lift: float


@dataclass(frozen=True)
class Gain:
    """Gain and lift of one class: its share among the rows with the highest probability."""

    name: str
    rows: Sequence[GainRow]
    charts: Sequence[Chart]

    @property
    def sentence(self) -> str:
        tenth = next((each for each in self.rows if each.rows == 0.1), None)
        if tenth is None:
            return ""
        return _(
            "The 10 %% of the rows with the highest probability hold %(share)s of all "
            "“%(name)s”, %(lift)s times as many as 10 %% taken by chance."
        ) % {"share": share(tenth.found), "name": self.name, "lift": number(tenth.lift, 2)}


@dataclass(frozen=True)
class Errors:
    """The sizes of a regression's errors on held-out rows."""

    quantiles: Sequence[tuple[str, str]]
    within: Sequence[tuple[str, float]]
    by_size: Sequence[Mapping[str, Any]]

    @property
    def sentence(self) -> str:
        known, half, most = dict(self.quantiles), in_cases(0.5, IN), in_cases(0.9, IN)
        return (
            _("Half of the predictions are off by %(half)s or less, 9 in 10 by %(most)s or less.")
            % {"half": known[half], "most": known[most]}
            if {half, most} <= set(known)
            else ""
        )


class ReportParts:
    """The parts of the version page other than metrics and charts."""

    def __init__(self, version: ModelVersion):
        self.version = version
        self.report: Mapping[str, Any] = version.report

    @cached_property
    def decision(self) -> Decision | None:
        return Decision.of(self.version)

    @property
    def is_classification(self) -> bool:
        return bool(self.report.get("classes"))

    @cached_property
    def coverage(self) -> list[CoverageRow]:
        return [
            CoverageRow(
                asked=in_cases(each["coverage"]),
                covered=each["covered"],
                size=number(each.get("mean_size" if self.is_classification else "mean_width"), 3),
                empty=each.get("empty"),
            )
            for each in self.report.get("coverage") or []
        ]

    @cached_property
    def calibration(self) -> str:
        """The effect of probability calibration, in a sentence."""
        calibration = self.report.get("calibration")
        if not calibration:
            return ""
        before, after = (calibration["held_out"].get(name) for name in ("before", "after"))
        if not calibration.get("is_tried", True):
            return _(
                "The probabilities are those of the estimators: there were too few rows in the "
                "time to tell whether calibration helps."
            )
        if calibration["kind"] == "none":
            return _(
                "The probabilities are those of the estimators: on rows that they had not seen, "
                "calibration did not improve them."
            )
        is_less, is_shifted = calibration["scale"] < 1, calibration["kind"] != "scale"
        sentence = {
            (True, False): _(
                "The probabilities are calibrated: made less extreme (log-odds times %(scale)s)."
            ),
            (False, False): _(
                "The probabilities are calibrated: made more extreme (log-odds times %(scale)s)."
            ),
            (True, True): _(
                "The probabilities are calibrated: made less extreme (log-odds times %(scale)s), "
                "and the classes were shifted against each other."
            ),
            (False, True): _(
                "The probabilities are calibrated: made more extreme (log-odds times %(scale)s), "
                "and the classes were shifted against each other."
            ),
        }[is_less, is_shifted] % {"scale": number(calibration["scale"], 3)}
        gained = _("On the held-out rows that takes the log-loss from %(before)s to %(after)s.")
        return f"{sentence} {gained % {'before': number(before, 4), 'after': number(after, 4)}}"

    @cached_property
    def gain(self) -> Gain | None:
        shown = [each for each in shown_classes(self.report) if each.get("gain")]
        if not shown:
            return None
        table = [GainRow(each["rows"], each["found"], each["lift"]) for each in shown[0]["gain"]["table"]]
        return Gain(shown[0]["class"], table, [gain_chart(shown), lift_chart(shown)])

    @cached_property
    def lifts(self) -> list[tuple[str, list[GainRow]]]:
        """For more than two classes: gain and lift of each in the 10 % of rows with the highest probability."""
        classes = self.report.get("per_class") or []
        if len(classes) <= 2:
            return []
        return [
            (each["class"], [GainRow(**row) for row in each["gain"]["table"] if row["rows"] == 0.1])
            for each in classes
            if each.get("gain")
        ]

    @cached_property
    def errors(self) -> Errors | None:
        sizes = self.report.get("errors")
        if not sizes:
            return None
        return Errors(
            quantiles=[
                (in_cases(each["share"], IN), number(each["error"], 3)) for each in sizes["quantiles"]
            ],
            within=[(number(each["error"]), each["share"]) for each in sizes["within"]],
            by_size=[
                {
                    **each,
                    "range": _("%(low)s to %(high)s")
                    % {"low": number(each["low"], 4), "high": number(each["high"], 4)},
                }
                for each in sizes["by_size"]
            ],
        )
