from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import fields
from pathlib import Path
from typing import Any

from ...errors import MlwebError
from ...models import Dataset, Workspace
from ...services import datasets
from ..base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Import a CSV file as a dataset. The same file with the same options is imported once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--workspace", default="default", help="Its short name.")
        parser.add_argument("--name", default="", help="Else the name of the file.")
        parser.add_argument("--encoding", default="", help="Else UTF-8, or as the byte order mark says.")
        parser.add_argument(
            "--delimiter", default="", help="One character, or comma, semicolon, tab, pipe; else found."
        )
        parser.add_argument("--decimal", default="", choices=["", ".", ","], help="Else found.")
        parser.add_argument(
            "--skip-bad-rows", action="store_true", help="Leave out rows that do not fit the header."
        )
        parser.add_argument(
            "--infinite-as-missing",
            action="store_true",
            help="Take inf and 1e400 as missing instead of refusing them.",
        )
        parser.add_argument("--skip-lines", type=int, help="Lines above the header; else found.")
        parser.add_argument(
            "--comment", default="", help="What comment lines begin with, or none; else found."
        )
        parser.add_argument("--units-lines", type=int, help="Lines of units below the header; else found.")
        parser.add_argument(
            "--footer-lines", type=int, help="Last lines that are no rows, without blank ones; else found."
        )
        parser.add_argument("--json", action="store_true", help="Print the dataset as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            raise CommandError(f"There is no workspace “{options['workspace']}”.")
        path: Path = options["file"]
        names = [each.name for each in fields(datasets.ImportOptions)]
        try:
            dataset = datasets.import_csv(
                workspace=workspace,
                source=path,
                filename=path.name,
                name=options["name"],
                options=datasets.ImportOptions(**{name: options[name] for name in names}),
                by=None,
            )
        except MlwebError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
        self.stdout.write(json.dumps(described(dataset)) if options["json"] else "\n".join(summary(dataset)))


def described(dataset: Dataset) -> dict[str, Any]:
    columns = [
        {
            "name": each.name,
            "role": each.role.value,
            "reading": each.reading.words if each.reading else None,
            "n_missing": each.n_missing,
            "n_distinct": each.n_distinct,
        }
        for each in dataset.schema.columns
    ]
    return {
        "id": dataset.pk,
        "name": dataset.name,
        "n_rows": dataset.n_rows,
        "n_columns": dataset.n_columns,
        "sha256": dataset.sha256,
        "options": dataset.options,
        "columns": columns,
        "warnings": dataset.warnings,
    }


def summary(dataset: Dataset) -> list[str]:
    lines = [
        f"Dataset {dataset.pk} “{dataset.name}”: {dataset.n_rows:,} rows, {dataset.n_columns:,} columns."
    ]
    lines += [
        f"  {each.name}: {each.role.value}" + (f", read as {each.reading.words}" if each.reading else "")
        for each in dataset.schema.columns
    ]
    return lines + [f"Warning: {warning}" for warning in dataset.warnings]
