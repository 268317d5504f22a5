from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from ...errors import MlwebError
from ...ml.types.reading_choice import DECIMALS, KINDS, MAX_LOST_SHARE, TEXT_ROLES, THOUSANDS
from ...ml.types.reading_evidence import Example, ReadingEvidence
from ...ml.types.spellings import IGNORED
from ...models import Dataset
from ...services.datasets import readings
from ..base import BaseCommand, CommandError

PARTS = ("decimal", "thousands", "codes", "dates", "zone", "missing", "true", "false", "ignores", "role")


class Command(BaseCommand):
    help = "Show or change how a column of a dataset is read. The file stays; each change can be undone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dataset", type=int, metavar="DATASET", help="its number")
        parser.add_argument("column", metavar="COLUMN")
        parser.add_argument(
            "--kind", choices=KINDS, help="what the cells hold; without it, the reading is shown"
        )
        parser.add_argument("--decimal", choices=DECIMALS, help="the decimal mark; found when not given")
        parser.add_argument("--thousands", choices=THOUSANDS[1:], help="the thousands mark")
        parser.add_argument("--codes", action="store_true", help="007 and 1E05 are numbers")
        parser.add_argument(
            "--date", action="append", dest="dates", metavar="FORM", help="such as D/M/Y; repeatable"
        )
        parser.add_argument("--zone", help="such as Europe/Berlin or +05:30; found when not given")
        parser.add_argument("--missing", action="append", metavar="WORD", help="means missing; repeatable")
        parser.add_argument("--true", action="append", metavar="WORD", help="means yes; repeatable")
        parser.add_argument("--false", action="append", metavar="WORD", help="means no; repeatable")
        parser.add_argument(
            "--ignore",
            action="append",
            dest="ignores",
            choices=IGNORED,
            help="makes no other category; repeatable",
        )
        parser.add_argument("--role", choices=[role.value for role in TEXT_ROLES], help="what text is")
        parser.add_argument(
            "--max-lost-share",
            type=float,
            metavar="SHARE",
            help=f"the share of the filled cells that may become missing; {MAX_LOST_SHARE:g} when not given",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would become missing")
        parser.add_argument("--undo", type=int, metavar="CHANGE", help="undo the change of this number")
        parser.add_argument("--workspace", default="default", metavar="SLUG")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = Dataset.objects.filter(workspace__slug=options["workspace"], pk=options["dataset"])
        dataset = rows.first()
        if dataset is None:
            raise CommandError(f"There is no dataset {options['dataset']} in this workspace.")
        try:
            lines = list(self.lines(dataset, options))
        except MlwebError as error:
            raise CommandError(str(error)) from None
        self.stdout.write("\n".join(lines))

    def lines(self, dataset: Dataset, options: dict[str, Any]) -> Iterator[str]:
        name = options["column"]
        asked = {part: options[part] for part in PARTS if options[part]}
        if options["undo"] is not None:
            undo = readings.undo_change(dataset=dataset, number=options["undo"], by=None)
            yield f"Change {undo.number}: change {options['undo']} is undone."
        elif options["kind"] is None:
            found = readings.reading_of(dataset=dataset, column=name)
            words = found.column.reading.words if found.column.reading else "it is stored"
            yield f"“{name}” ({found.column.role.value}) is read as {words}."
            yield from evidence_lines(found.evidence, found.examples)
            for each in found.proposals:
                yield f"It could also be read as {each.reading.words} ({each.n_unreadable:,} cells unreadable)."
        else:
            change = {
                "dataset": dataset,
                "column": name,
                "reading": {"kind": options["kind"], **asked},
                "max_lost_share": options["max_lost_share"],
            }
            if options["dry_run"]:
                preview = readings.preview_reading(**change)
                yield f"{preview.n_newly_missing:,} cells would become missing. {preview.refusal}".strip()
                after = preview.after
            else:
                made = readings.change_reading(**change, by=None)
                yield f"Change {made.number} is stored; --undo {made.number} takes it back."
                after = made.after
            yield from evidence_lines(after.evidence, after.evidence.examples if after.evidence else ())


def evidence_lines(evidence: ReadingEvidence | None, examples: tuple[Example, ...]) -> Iterator[str]:
    if evidence is not None:
        yield (
            f"{evidence.n_read:,} cells read, {evidence.n_missing:,} missing, {evidence.n_unreadable:,} unreadable "
            f"({evidence.confidence.value})."
        )
    for each in (*examples, *(evidence.unreadable if evidence else ())):
        yield f"  {each.text!r} → {'missing' if each.value is None else each.value} ({each.n_cells:,} cells)"
