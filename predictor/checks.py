"""System checks for settings that contradict each other. `mlweb/settings.py` checks each setting alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def limits_fit_together(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    errors: list[CheckMessage] = []
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
    return errors
