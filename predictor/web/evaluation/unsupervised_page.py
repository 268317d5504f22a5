"""Evaluation page of a version without a target (clustering, anomaly detection): verdict, figures, charts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...models import ModelVersion
from ..pages.metric_words import Figure, metric_of


class DescribedPage:
    """Base class, one subclass for each task without a target. An old or incomplete report leaves parts out."""

    template: ClassVar[str]
    figure_names: ClassVar[tuple[str, ...]]

    def __init__(self, version: ModelVersion):
        self.version = version
        self.report: Mapping[str, Any] = version.report

    @property
    def verdict(self) -> Mapping[str, Any]:
        return self.report.get("verdict") or {}

    @property
    def tone(self) -> str:
        return "good" if self.verdict.get("is_sure") else "warning"

    @property
    def figures(self) -> list[Figure]:
        metrics = self.report.get("metrics") or {}
        return [
            Figure(metric_of(name), float(metrics[name]))
            for name in self.figure_names
            if metrics.get(name) is not None
        ]
