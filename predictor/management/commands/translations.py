from __future__ import annotations

import gettext
from io import BytesIO
from pathlib import Path
from typing import Any

from ...i18n import extraction, languages, po
from ..base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Collect all texts into locale/*/LC_MESSAGES/django.po and compile them; `make translations`."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing; fail when a file is not current"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = extraction.messages()
        stale = []
        for path in languages.po_files():
            text, compiled, messages = current(path, found)
            if path.read_text("utf-8") != text or not _is(path.with_suffix(".mo"), compiled):
                stale.append(str(path))
            if not options["check"]:
                path.write_text(text, "utf-8")
                path.with_suffix(".mo").write_bytes(compiled)
            n_translated = sum(message.is_translated for message in messages)
            self.stdout.write(
                f"{path.parent.parent.name}: {n_translated:,} of {len(messages):,} are translated."
            )
        if options["check"] and stale:
            raise CommandError(f"Not current: {', '.join(stale)}. Call `make translations`.")


def current(path: Path, found: list[po.Message]) -> tuple[str, bytes, list[po.Message]]:
    """What the file and its compiled form have to hold, and the messages without the header."""
    known = po.read(path)
    header = next((message for message in known if not message.id), None)
    if header is None:
        raise CommandError(f"{path} has no header; copy that of another language.")
    catalogue = gettext.GNUTranslations(BytesIO(po.compiled([header])))
    n_forms = int(catalogue.info().get("plural-forms", "nplurals=2").partition("nplurals=")[2].split(";")[0])
    messages = po.merged(found, known, n_forms)
    return po.text_of([header, *messages]), po.compiled([header, *messages]), messages


def _is(path: Path, content: bytes) -> bool:
    return path.exists() and path.read_bytes() == content
