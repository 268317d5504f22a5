"""The warnings of a version that matter most, each with one button: where it leads, and what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from ...i18n.translation import translated
from ...ml.types.warnings import WarningKind
from ...models import Dataset, ModelVersion
from ...templatetags.mlweb import number
from .completion import AbsentPartsView
from .evaluation import is_leak, warning_text
from .limits import slice_rows
from .report_parts import Decision
from .slice_links import rows_url

# As FEW_ROWS of ml/validation/testing_conditions.py.
FEW_ROWS = 100
DUMMY = "dummy"


@dataclass(frozen=True)
class Hint:
    """A warning with one button: where it leads, and what it says."""

    text: str
    action: str
    url: str
    is_serious: bool = False


class VersionHints:
    """`outcomes`: {baseline: "better", "worse" or "unclear"} of the model."""

    def __init__(
        self, version: ModelVersion, outcomes: Mapping[str, str], against_guessing: str, *, can_write: bool
    ):
        self.version = version
        self.model = version.registered_model
        self.report: Mapping[str, Any] = version.report
        self.outcomes, self.against_guessing = outcomes, against_guessing
        self.can_write = can_write

    @cached_property
    def all(self) -> list[Hint]:
        """All warnings, the most serious first."""
        return [*self._leaks(), *self._on_quality(), *self._on_data()]

    def _leaks(self) -> Iterator[Hint]:
        for each in self.version.warnings or []:
            if is_leak(each):
                column = each.get("column") if isinstance(each, Mapping) else None
                yield Hint(warning_text(each), *self._train_without(column), is_serious=True)

    def _on_quality(self) -> Iterator[Hint]:
        decision = Decision.of(self.version)
        if decision and decision.warning:
            yield Hint(decision.warning, *self._threshold(), is_serious=True)
        if not self.version.signature.target:
            return
        if self.against_guessing in ("worse", "unclear"):
            yield Hint(
                _("Nothing that it learnt beats guessing; more rows or other columns may."), *self._train()
            )
        elif "worse" in [outcome for name, outcome in self.outcomes.items() if name != DUMMY]:
            yield Hint(
                _("A simpler model does better on the same rows."),
                *self.tab("charts", _("See the figures"), "metrics"),
            )
        yield from self._on_test()
        for row in slice_rows(self.report)[:1]:
            text = _("It errs more where %(rows)s.") % {"rows": translated(row.words)}
            url = rows_url(self.version, (self.report.get("slices") or [{}])[0])
            yield (
                Hint(text, _("See the rows"), url)
                if url
                else Hint(text, *self.tab("explain", _("See where"), "slices"))
            )

    def _on_test(self) -> Iterator[Hint]:
        conditions = self.report.get("conditions") or {}
        split, better = conditions.get("split") or {}, conditions.get("suggested_split") or {}
        if better and split.get("kind") == "random":
            text = (
                _("Tested on rows drawn at random, although they have times in “%(column)s”.")
                if better.get("kind") == "time"
                else _("Tested on rows drawn at random, although several share a “%(column)s”.")
            )
            yield Hint(text % {"column": better.get("column")}, *self._train())
        n_rows = self.report.get("n_rows")
        if self.version.signature.target and n_rows and n_rows < FEW_ROWS:
            yield Hint(
                _("Only %(rows)s rows judge it, so every figure is rough.") % {"rows": number(n_rows)},
                *self.tab("data", _("See the data"), "tested"),
            )

    def _on_data(self) -> Iterator[Hint]:
        others = [each for each in self.version.warnings or [] if not is_leak(each)]
        for each in others:
            if _kind(each) == WarningKind.THRESHOLD:
                yield Hint(warning_text(each), *self._threshold())
        if any(True for _part in AbsentPartsView(self.version).missing):
            yield Hint(
                _("Parts of the evaluation were left out for lack of time."),
                *self.tab("details", _("Compute what is missing"), "left-out"),
            )
        # Those about a column first: they can be acted on.
        for each in sorted(others, key=lambda one: not _column(one)):
            if _kind(each) != WarningKind.THRESHOLD:
                yield Hint(warning_text(each), *self._column_or_data(_column(each)))

    # --- Where the buttons lead -------------------------------------------------------------------------

    def _url(self, name: str, *args: Any) -> str:
        return reverse(name, args=[self.model.workspace.slug, *args])

    def tab(self, tab: str, action: str, part: str = "") -> tuple[str, str]:
        """A button: its words, and the URL of a tab of the version, at one of its parts."""
        url = self._url(f"version-{tab}", self.model.slug, self.version.number)
        return action, f"{url}#{part}" if part else url

    @property
    def _dataset(self) -> Dataset | None:
        dataset = self.version.dataset
        return dataset if dataset is not None and dataset.has_data else None

    def _place(self, column: str | None) -> int | None:
        """The place of a column in the dataset, from 1."""
        if column is None or self._dataset is None or column not in self._dataset.schema:
            return None
        return self._dataset.schema.names.index(column) + 1

    def _train(self, **more: Any) -> tuple[str, str]:
        run = self.version.trained.training_run_id
        if not self.can_write or self._dataset is None or run is None:
            return self.tab("data", _("See the data"))
        query = urlencode({"again": run, **more})
        return _("Train again"), f"{self._url('training-run-create', self._dataset.pk)}?{query}"

    def _train_without(self, column: str | None) -> tuple[str, str]:
        place = self._place(column)
        if place is None or not self.can_write:
            return self.tab("data", _("See the column"), "columns")
        _action, url = self._train(without=place)
        return _("Train again without it"), url

    def _threshold(self) -> tuple[str, str]:
        if self.can_write and "scores.json" in self.version.artifacts:
            url = self._url("version-threshold", self.model.slug, self.version.number)
            return _("Choose a threshold"), url
        return self.tab("charts", _("See how it decides"), "decision")

    def _column_or_data(self, column: str | None) -> tuple[str, str]:
        place = self._place(column)
        if place is None or self._dataset is None:
            return self.tab("data", _("See all warnings"), "warnings")
        return _("Read the column"), self._url("column-reading", self._dataset.pk, place)


def _kind(warning: Any) -> Any:
    return warning.get("kind") if isinstance(warning, Mapping) else None


def _column(warning: Any) -> str | None:
    return warning.get("column") if isinstance(warning, Mapping) else None
