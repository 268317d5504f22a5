"""Facts that a stored version tells by its row alone."""

from __future__ import annotations

from ...models import ModelVersion

FILE = "examples.json"


def has_examples(version: ModelVersion) -> bool:
    return FILE in version.artifacts


def importance_of(version: ModelVersion) -> dict[str, float]:
    """As it was when the version was published: predictions do not change when more is computed later."""
    report = version.evaluation if isinstance(version.evaluation, dict) else {}
    return {each["column"]: each["mean"] for each in report.get("importance") or []}
