from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from ...errors import MlwebError
from ...models import ActualSource, Workspace
from ...services.monitoring import actual_files, actuals
from ..base import BaseCommand, CommandError

# Values of a file; the command has as much time as its caller gives it.
MOST = 100_000_000


class Command(BaseCommand):
    help = "Store actual values of predictions from a CSV, JSON lines or Parquet file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file",
            type=Path,
            help="With the columns prediction, or request_id and row_number, and value; known_at may be there.",
        )
        parser.add_argument("--workspace", default="default", help="Its short name.")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            raise CommandError(f"There is no workspace “{options['workspace']}”.")
        if not options["file"].is_file():
            raise CommandError(f"There is no file {options['file']}.")
        try:
            given = actual_files.read(options["file"], most=MOST, allow_parquet=True)
            receipt = actuals.record(workspace, given, source=ActualSource.COMMAND)
        except MlwebError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f"{receipt.received:,} values: {receipt.matched:,} stored with their predictions "
            f"({receipt.corrected:,} of them corrections), {receipt.unchanged:,} stored already, "
            f"{receipt.waiting:,} wait for their predictions, {receipt.refused:,} refused."
        )
        for fault in receipt.faults:
            self.stderr.write(fault.message)
