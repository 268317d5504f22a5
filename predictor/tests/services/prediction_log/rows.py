"""Rows of the prediction log, before they are stored."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from predictor.models import ModelVersion, uuid7
from predictor.services.prediction_log.log_rows import LogRow


class Rows:
    """`rows(n)`: the rows of one request; `rows(n, lost=True)`: rows of a deleted version; `more`: other fields."""

    def __init__(self, version: ModelVersion):
        self.workspace, self.version = version.registered_model.workspace_id, version.pk

    def __call__(self, n: int = 1, *, lost: bool = False, **more: Any) -> list[LogRow]:
        request = uuid.uuid4().hex
        return [
            LogRow(
                id=uuid7(), workspace_id=self.workspace, model_version_id=10**6 if lost else self.version,
                request_id=request, row_number=number, source="api", actor_id=None, api_token_id=None,
                inputs='{"x": 1}', output='{"prediction": 2}', warnings="[]", latency_ms=0.5,
                created_at=datetime.now(UTC),
            )._replace(**more)
            for number in range(1, n + 1)
        ]  # fmt: skip
