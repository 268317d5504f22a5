"""What a version can answer, for counting: its classes, and the bins of its score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...ml.metrics.score_bins import SHARE_EDGES, quantile_edges
from ...ml.types.schema import Signature, Task
from ...models import ModelVersion, PredictionTotal

# Counted one by one, in the signature's order; the rest is one number.
MAX_CLASSES = 50


def new_totals(versions: Iterable[int]) -> list[PredictionTotal]:
    """Totals without rows, unsaved, with the classes and bins of each version."""
    columns = ("pk", "signature_json", "evaluation")
    rows = ModelVersion.objects.filter(pk__in=list(versions)).values_list(*columns)
    return [_total(*row) for row in rows.iterator(chunk_size=10)]


def _total(version: int, signature_json: Mapping[str, Any], evaluation: Mapping[str, Any]) -> PredictionTotal:
    # A version without a signature cannot predict; old logs may hold rows of one.
    signature = Signature.from_json(signature_json) if signature_json else None
    if signature is None:
        return PredictionTotal(model_version_id=version)
    is_share = bool(signature.classes) or signature.task is Task.ANOMALY
    return PredictionTotal(
        model_version_id=version,
        classes=list(signature.labels[:MAX_CLASSES]),
        edges=list(SHARE_EDGES) if is_share else quantile_edges(_reference(evaluation)),
        positive_class=signature.positive_name,
    )


def _reference(evaluation: Mapping[str, Any]) -> list[float]:
    """Predictions of held-out rows, at most 500; of a forecast, those of the backtest that are shown.

    Never those of training rows, which a model knows too well to be compared with.
    """
    held_out = (evaluation.get("points") or {}).get("predicted") or []
    backtest = [each for part in evaluation.get("backtest") or [] for each in part.get("forecast") or []]
    # Seven significant digits, as answers have.
    return [float(f"{value:.7g}") for value in (*held_out, *backtest) if isinstance(value, int | float)]
