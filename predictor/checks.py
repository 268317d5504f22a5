"""System checks: a start that cannot work is refused with a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

POSITIVE = {
    "MLWEB_WEB_WORKERS": "WEB_WORKERS",
    "MLWEB_WEB_THREADS": "WEB_THREADS",
    "MLWEB_MAX_UPLOAD_BYTES": "MAX_UPLOAD_BYTES",
    "MLWEB_MAX_BODY_BYTES": "MAX_BODY_BYTES",
    "MLWEB_MAX_TABLE_COLUMNS": "MAX_TABLE_COLUMNS",
    "MLWEB_MAX_TABLE_ROWS": "MAX_TABLE_ROWS",
    "MLWEB_MAX_CELL_BYTES": "MAX_CELL_BYTES",
    "MLWEB_MAX_PREDICTION_ROWS": "MAX_PREDICTION_ROWS",
    "MLWEB_MAX_EXPLAINED_ROWS": "MAX_EXPLAINED_ROWS",
    "MLWEB_MAX_PREDICTION_CSV_ROWS": "MAX_PREDICTION_CSV_ROWS",
    "MLWEB_MAX_JSON_DEPTH": "MAX_JSON_DEPTH",
    "MLWEB_INGEST_MEMORY_MB": "INGEST_MEMORY_MB",
    "MLWEB_INGEST_TIMEOUT_SECONDS": "INGEST_TIMEOUT_SECONDS",
    "MLWEB_PREDICTIONS_AT_ONCE": "PREDICTIONS_AT_ONCE",
    "MLWEB_PREDICTIONS_WAITING": "PREDICTIONS_WAITING",
    "MLWEB_PREDICTION_WAIT_MS": "PREDICTION_WAIT_MS",
    "MLWEB_PREDICTION_TIMEOUT_SECONDS": "PREDICTION_TIMEOUT_SECONDS",
    "MLWEB_SERVED_VERSIONS_IN_MEMORY": "SERVED_VERSIONS_IN_MEMORY",
    "MLWEB_SERVED_MEMORY_MB": "SERVED_MEMORY_MB",
    "MLWEB_TRAINING_BUDGET_SECONDS": "TRAINING_BUDGET_SECONDS",
    "MLWEB_TRAINING_MEMORY_MB": "TRAINING_MEMORY_MB",
    "MLWEB_TRAINING_THREADS": "TRAINING_THREADS",
    "MLWEB_TRAINING_SLOTS": "TRAINING_SLOTS",
    "MLWEB_JOB_LEASE_SECONDS": "JOB_LEASE_SECONDS",
    "MLWEB_JOB_SWEEP_SECONDS": "JOB_SWEEP_SECONDS",
    "MLWEB_JOB_MAX_ATTEMPTS": "JOB_MAX_ATTEMPTS",
}


@register()
def limits_make_sense(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    errors: list[CheckMessage] = [
        Error(f"{variable} is {getattr(settings, name)}; it has to be at least 1.", id="mlweb.E002")
        for variable, name in POSITIVE.items()
        if getattr(settings, name) < 1
    ]
    if settings.TRAINING_BUDGET_SECONDS > settings.TRAINING_MAX_BUDGET_SECONDS:
        errors.append(
            Error(
                f"MLWEB_TRAINING_BUDGET_SECONDS ({settings.TRAINING_BUDGET_SECONDS}) is above "
                f"MLWEB_TRAINING_MAX_BUDGET_SECONDS ({settings.TRAINING_MAX_BUDGET_SECONDS}).",
                id="mlweb.E003",
            )
        )
    if settings.TRAINING_HARD_LIMIT_SECONDS <= settings.TRAINING_MAX_BUDGET_SECONDS:
        errors.append(
            Error(
                f"MLWEB_TRAINING_HARD_LIMIT_SECONDS ({settings.TRAINING_HARD_LIMIT_SECONDS}) has to be above "
                f"MLWEB_TRAINING_MAX_BUDGET_SECONDS ({settings.TRAINING_MAX_BUDGET_SECONDS}), "
                "or no run with the longest budget could end.",
                id="mlweb.E004",
            )
        )
    if not 1 <= settings.PORT <= 65_535:
        errors.append(
            Error(f"MLWEB_PORT is {settings.PORT}; it has to be between 1 and 65535.", id="mlweb.E005")
        )
    return errors
