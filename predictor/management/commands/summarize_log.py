from __future__ import annotations

from typing import Any

from ...services.prediction_log import summary
from ..base import BaseCommand


class Command(BaseCommand):
    help = (
        "Count the rows of the prediction log that the hourly summary does not hold yet. "
        "Beat has this done every few seconds."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        progress = summary.run(seconds=None)
        self.stdout.write(f"{progress.n_rows:,} rows of the prediction log were counted.")
        if not progress.is_done:
            self.stdout.write(
                "A transaction that began earlier is still at work; the rest is counted after it."
            )
