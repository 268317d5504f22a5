"""What the version page shows of a version that predicts no target: a verdict, figures, charts of its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...models import ModelVersion
from ..pages.metric_words import Figure, metric_of


class DescribedPage:
    """One for each task without a target; a report that is older or not whole leaves parts out."""

    template: ClassVar[str]
    figure_names: ClassVar[tuple[str, ...]]

    def __init__(self, version: ModelVersion):
        self.report: Mapping[str, Any] = version.evaluation if isinstance(version.evaluation, dict) else {}

    @property
    def verdict(self) -> Mapping[str, Any]:
        return self.report.get("verdict") or {}

    @property
    def tone(self) -> str:
        return "good" if self.verdict.get("is_sure") else "warning"

    @property
    def figures(self) -> list[Figure]:
        found = self.report.get("metrics") or {}
        return [
            Figure(metric_of(name), float(found[name]))
            for name in self.figure_names
            if found.get(name) is not None
        ]
