from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from ...services.operations import upkeep


class Command(BaseCommand):
    help = "Remove what processes that died left behind. Beat has this done every ten minutes."

    def handle(self, *args: Any, **options: Any) -> None:
        upkeep.tidy()
