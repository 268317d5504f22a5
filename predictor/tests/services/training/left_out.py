"""Versions whose training run left parts of the report out, without real artifacts."""

from __future__ import annotations

from typing import Any

from predictor.ml.types.left_out import CURVE_NO_TIME
from predictor.models import Dataset, ModelVersion, RegisteredModel
from predictor.services import artifacts

from ..versions import publish

# As a run of today writes it, and as one from before "left_out" did.
OLD_REPORT: dict[str, Any] = {
    "format": 1,
    "task": "regression",
    "n_rows": 40,
    "held_out": {"rmse": 1.0},
    "verdict": {"sentence": "The model is better.", "is_better": True, "worries": []},
    "importance": [{"column": "x", "mean": 0.5, "spread": 0.1}],
    "importance_kind": "shapley",
    "dependence": {"features": [], "skipped": [{"column": "x", "reason": "the time ran out"}]},
    "learning_curve": {"sentence": CURVE_NO_TIME, "points": []},
    "baselines": [{"key": "dummy", "title": "No features", "held_out": {"rmse": 2.0}}],
    "baseline_notes": [],
}
REPORT = {
    **OLD_REPORT,
    "left_out": [
        {"part": "importance", "names": [], "reason": "there was no time for it"},
        {"part": "dependence", "names": ["x"], "reason": "the time ran out"},
        {"part": "learning_curve", "names": [], "reason": "there was no time left for it"},
    ],
}
PARTS = ["importance", "dependence", "learning_curve"]


def hurried_version(model: RegisteredModel, report: dict[str, Any] | None = None) -> ModelVersion:
    """A version with data, whose report lacks three parts."""
    version = publish(model, report=REPORT if report is None else report)
    digest = artifacts.put_bytes(f"table of {version.pk}".encode())
    Dataset.objects.filter(pk=version.dataset_id).update(parquet_digest=digest, sha256=digest)
    version.dataset.refresh_from_db()
    return version
