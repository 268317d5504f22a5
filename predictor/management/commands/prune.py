from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ...errors import InvalidInput
from ...services.monitoring import actuals
from ...services.prediction_log import retention
from ..base import BaseCommand, CommandError


class Command(BaseCommand):
    help = (
        "Delete rows of the prediction log that are older than the log is kept, with their actual values. "
        "Beat has this done every hour."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--days", type=int, metavar="N", help="Keep N days; else MLWEB_LOG_RETENTION_DAYS. 0 keeps all."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            n_deleted = retention.prune(days=options["days"])
            actuals.forget_past_retention(days=options["days"])
        except InvalidInput as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{n_deleted:,} rows of the prediction log were deleted.")
