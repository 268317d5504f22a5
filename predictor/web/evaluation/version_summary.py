"""The Summary of a version: a sentence, a figure in the reader's own units beside guessing and a simple model,
the columns that matter most, and the warnings that matter most, each with what to do.

Reads the evaluation report leniently, as report.py does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...i18n.translation import translated
from ...ml.types.schema import Task
from ...models import ModelVersion
from ...templatetags.mlweb import number, share
from .evaluation import is_leak
from .version_hints import DUMMY, Hint, VersionHints

N_COLUMNS = 5
N_WARNINGS = 3
N_CLUSTERS = 5
# Where one class has more of the rows, the share of right answers flatters; then each class counts alike.
LARGEST_SHARE = 0.75
SIMPLE = "linear"


@dataclass(frozen=True)
class Bar:
    """The model or what it is compared with; `part` is the length, a share of the whole."""

    label: str
    text: str
    part: float
    is_own: bool = False


@dataclass(frozen=True)
class Weight:
    """A column, with its part of what all columns matter."""

    column: str
    part: float
    length: float


@dataclass(frozen=True)
class Comparison:
    """What the figure is, and the same for guessing and a simple model."""

    figure: str
    label: str
    detail: str = ""
    title: str = ""
    bars: Sequence[Bar] = ()
    link: tuple[str, str] = ("", "")


class VersionSummary:
    def __init__(self, version: ModelVersion, *, can_write: bool):
        self.version = version
        self.model = version.registered_model
        self.report: Mapping[str, Any] = version.report
        self.can_write = can_write

    @property
    def verdict(self) -> Mapping[str, Any]:
        return self.report.get("verdict") or {}

    @cached_property
    def outcomes(self) -> dict[str, str]:
        """{baseline: "better", "worse" or "unclear"} of the model."""
        return {
            str(each.get("baseline")): str(each.get("outcome"))
            for each in self.verdict.get("comparisons") or []
        }

    @cached_property
    def against_guessing(self) -> str:
        """better, worse or unclear; "" where nothing is known."""
        verdict = self.verdict
        if "is_better" not in verdict:
            return ""
        if verdict["is_better"]:
            return "better"
        return "worse" if verdict.get("is_sure") else "unclear"

    @property
    def has_leak(self) -> bool:
        return any(is_leak(each) for each in self.version.warnings or [])

    @property
    def tone(self) -> str:
        if self.has_leak or self.against_guessing == "worse":
            return "bad"
        if not self.version.signature.target:
            return "good" if self.verdict.get("is_sure") else "warning"
        if self.against_guessing == "better" and "worse" not in self.outcomes.values():
            return "good"
        return "warning" if self.verdict else "info"

    @property
    def icon(self) -> str:
        icons = {"good": "check-circle", "bad": "x-circle", "warning": "question-circle"}
        return icons.get(self.tone, "info-circle")

    @property
    def sentence(self) -> str:
        """One plain sentence on whether it can be used."""
        if not self.verdict:
            if self.version.trained.training_run_id is None:
                return _(
                    "This version was made from given coefficients, not from data, so there is nothing to evaluate."
                )
            return _("No evaluation is stored with this version.")
        if self.has_leak:
            return _("Do not trust these figures before you have looked at the warning.")
        if not self.version.signature.target:
            return self._described_sentence
        if self.against_guessing == "worse":
            return _("Worse than guessing. Do not use it.")
        if self.against_guessing != "better":
            return _("Not shown to be better than guessing: chance alone can explain it.")
        return self._sentence_on_simple_models

    @property
    def _sentence_on_simple_models(self) -> str:
        if self.version.task == Task.FORECASTING:
            return _("Better than repeating the past, which needs no model.")
        others = {name: outcome for name, outcome in self.outcomes.items() if name != DUMMY}
        if not others:
            return _("Clearly better than guessing.")
        is_simple = SIMPLE in others
        if "worse" in others.values():
            return (
                _("Better than guessing, but a simple model does better still.")
                if others.get(SIMPLE) == "worse"
                else _("Better than guessing, but a standard model does better still.")
            )
        if "unclear" in others.values():
            return (
                _("Clearly better than guessing, and about as good as a simple model.")
                if others.get(SIMPLE) == "unclear"
                else _("Clearly better than guessing, and about as good as a standard model.")
            )
        return (
            _("Clearly better than guessing and than a simple model.")
            if is_simple
            else _("Clearly better than guessing and than a standard model.")
        )

    @property
    def _described_sentence(self) -> str:
        is_sure = bool(self.verdict.get("is_sure"))
        if self.version.task == Task.CLUSTERING:
            return (
                _("The groups are clearly apart.")
                if is_sure
                else _("The groups overlap: do not rely on them alone.")
            )
        return (
            _("Some rows clearly stand out from the others.")
            if is_sure
            else _("No row stands out clearly: these are the rarest ones.")
        )

    @property
    def details(self) -> str:
        """The verdict in full, with its figures."""
        return str(self.verdict.get("sentence") or "")

    # --- The figure -------------------------------------------------------------------------------------

    @cached_property
    def comparison(self) -> Comparison | None:
        makers: dict[str, Callable[[], Comparison | None]] = {
            Task.BINARY: self._of_classes,
            Task.MULTICLASS: self._of_classes,
            Task.REGRESSION: self._of_errors,
            Task.FORECASTING: self._of_errors,
            Task.CLUSTERING: self._of_clusters,
            Task.ANOMALY: self._of_unusual_rows,
        }
        return makers[self.version.task]() if self.report else None

    @property
    def _held_out(self) -> Mapping[str, Any]:
        return self.report.get("held_out") or {}

    @property
    def _rows_words(self) -> str:
        return _("on %(rows)s rows that it never saw") % {"rows": number(self.report.get("n_rows"))}

    def _simple(self, metric: str) -> tuple[str, float] | None:
        """The first baseline after the dummy with its metric: the linear model, or the second best of the past."""
        for each in self.report.get("baselines") or []:
            value = (each.get("held_out") or {}).get(metric)
            if each.get("key") != DUMMY and value is not None:
                return str(translated(each.get("title") or each.get("key"))), float(value)
        return None

    def _of_classes(self) -> Comparison | None:
        matrix = self.report.get("confusion")
        counts = [sum(row) for row in matrix or []]
        if not sum(counts):
            return None
        largest = max(counts) / sum(counts)
        is_even = largest <= LARGEST_SHARE
        metric = "accuracy" if is_even else "balanced_accuracy"
        own = self._held_out.get(metric)
        if own is None:
            return None
        guess = largest if is_even else 1 / sum(1 for each in counts if each)
        bars = [Bar(_("This model"), of_hundred(own), own, is_own=True)]
        if simple := self._simple(metric):
            bars.append(Bar(simple[0], of_hundred(simple[1]), simple[1]))
        bars.append(Bar(_("Guessing: the commonest class"), of_hundred(guess), guess))
        label = (
            self._rows_words
            if is_even
            else _("each class counted alike, %(rows)s") % {"rows": self._rows_words}
        )
        return Comparison(
            _("%(share)s right") % {"share": of_hundred(own)},
            label,
            self._found_words,
            _("Right answers"),
            bars,
        )

    @property
    def _found_words(self) -> str:
        """How many of the positive class are found, for two classes."""
        numbers = (self.version.evaluation.get("decision") or {}).get("held_out")
        if not numbers:
            return ""
        return _("Finds %(found)s of %(all)s “%(name)s”, with %(false)s false alarms.") % {
            "found": number(numbers["true_positive"]),
            "all": number(numbers["true_positive"] + numbers["false_negative"]),
            "name": self.version.evaluation["decision"]["positive"],
            "false": number(numbers["false_positive"]),
        }

    def _of_errors(self) -> Comparison | None:
        own = self._held_out.get("mae")
        if own is None:
            return None
        is_forecast = self.version.task == Task.FORECASTING
        errors = [(_("This model"), float(own), True)]
        if is_forecast:
            errors += [
                (str(each.get("title")), float(each["held_out"]["mae"]), False)
                for each in (self.report.get("baselines") or [])[:2]
                if (each.get("held_out") or {}).get("mae") is not None
            ]
        else:
            if simple := self._simple("mae"):
                errors.append((*simple, False))
            dummy: Mapping[str, Any] = next(
                (e for e in self.report.get("baselines") or [] if e.get("key") == DUMMY), {}
            )
            if (mean := (dummy.get("held_out") or {}).get("mae")) is not None:
                errors.append((_("Guessing: the mean"), float(mean), False))
        most = max(error for _name, error, _own in errors) or 1.0
        label = _("typical error of “%(target)s”, %(rows)s") % {
            "target": self.version.signature.target,
            "rows": _("in forecasts of the past") if is_forecast else self._rows_words,
        }
        return Comparison(
            f"± {number(own, 3)}",
            label,
            self._half_words,
            _("Typical error: shorter is better"),
            [Bar(name, f"± {number(error, 3)}", error / most, is_own) for name, error, is_own in errors],
        )

    @property
    def _half_words(self) -> str:
        half = self._held_out.get("median_absolute_error")
        if half is None:
            return ""
        return _("Half of the predictions are off by %(error)s or less.") % {"error": number(half, 3)}

    def _of_clusters(self) -> Comparison | None:
        clusters = self.report.get("clusters") or []
        if not clusters:
            return None
        largest = sorted(clusters, key=lambda each: -each["share"])[:N_CLUSTERS]
        return Comparison(
            ngettext("%(count)s group", "%(count)s groups", len(clusters)) % {"count": number(len(clusters))},
            _("in %(rows)s rows") % {"rows": number(self.report.get("n_rows"))},
            "",
            _("Rows in each group"),
            [
                Bar(str(translated(each["name"])), share(each["share"]), each["share"], is_own=True)
                for each in largest
            ],
            self.hints.tab("explain", _("See what sets them apart"), "clusters"),
        )

    def _of_unusual_rows(self) -> Comparison | None:
        n_rows, metrics = self.report.get("n_rows"), self.report.get("metrics") or {}
        part, n_clear = metrics.get("contamination"), metrics.get("n_clear")
        if not n_rows or part is None:
            return None
        called = round(part * n_rows)
        bars = [Bar(_("Called unusual"), number(called), part, is_own=True)]
        if n_clear is not None:
            bars.append(Bar(_("Clearly unusual"), number(int(n_clear)), n_clear / n_rows))
        return Comparison(
            _("%(called)s of %(rows)s rows") % {"called": number(called), "rows": number(n_rows)},
            _("are called unusual, as asked"),
            "",
            _("Part of all rows"),
            [replace(each, part=min(1.0, each.part)) for each in bars],
            self.hints.tab("explain", _("See the most unusual rows"), "rows"),
        )

    # --- The columns ------------------------------------------------------------------------------------

    @cached_property
    def columns(self) -> list[Weight]:
        """The columns that matter most, largest first."""
        known = [
            (str(each["column"]), max(0.0, float(each["mean"])))
            for each in self.report.get("importance") or []
            if each.get("mean") is not None
        ]
        whole = sum(mean for _column, mean in known)
        if not whole:
            return []
        most = max(mean for _column, mean in known)
        return [Weight(name, mean / whole, mean / most) for name, mean in known[:N_COLUMNS] if mean > 0]

    @property
    def n_columns(self) -> int:
        return len(self.version.signature.fields)

    # --- The warnings -----------------------------------------------------------------------------------

    @property
    def warnings(self) -> list[Hint]:
        return self.hints.all[:N_WARNINGS]

    @property
    def n_more_warnings(self) -> int:
        return max(0, len(self.hints.all) - N_WARNINGS)

    @cached_property
    def hints(self) -> VersionHints:
        return VersionHints(self.version, self.outcomes, self.against_guessing, can_write=self.can_write)


def of_hundred(part: float) -> str:
    """A share as people count: "83 of 100"; of 1,000 or 10,000 where it would round to none or all."""
    n, whole = 0, 0
    for whole in (100, 1_000, 10_000):
        n = round(part * whole)
        if 0 < n < whole or part in (0.0, 1.0):
            break
    else:
        n = min(max(n, 1), whole - 1)
    return _("%(count)s of %(whole)s") % {"count": number(n), "whole": number(whole)}
