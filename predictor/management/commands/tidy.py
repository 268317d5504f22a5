from __future__ import annotations

from typing import Any

from ...services.operations import upkeep
from ..base import BaseCommand


class Command(BaseCommand):
    help = "Remove what processes that died left behind. Beat has this done every ten minutes."

    def handle(self, *args: Any, **options: Any) -> None:
        upkeep.tidy()
