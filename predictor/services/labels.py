"""Names, notes and tags of datasets, models, versions and training runs: what people write beside a row."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from ..errors import InvalidInput, quoted
from ..models import Dataset, ModelVersion, RegisteredModel, TrainingRun
from ..models.labels import BAR, MAX_NOTE, MAX_TAG, MAX_TAGS, read_tags, stored_tags

Labelled = Dataset | RegisteredModel | ModelVersion | TrainingRun
MAX_DATASET_NAME = 200
# Lists of tags are read from so many different sets of tags.
MAX_SETS = 2_000


def change(
    row: Labelled, *, name: str | None = None, note: str | None = None, tags: Iterable[str] | None = None
) -> list[str]:
    """Change what is given and store it; returns the names of the changed columns. Raises InvalidInput."""
    changed: dict[str, str] = {}
    if name is not None:
        changed["name"] = clean_name(name)
    if note is not None:
        changed["note"] = clean_note(note)
    if tags is not None:
        changed["tags"] = stored_tags(clean_tags(tags))
    for field, value in changed.items():
        setattr(row, field, value)
    if changed:
        row.save(update_fields=list(changed))
    return list(changed)


def clean_name(name: str) -> str:
    """The name of a dataset: one line of printable characters. Raises InvalidInput."""
    cleaned = " ".join(_printable(name).split())
    if not cleaned or len(cleaned) > MAX_DATASET_NAME:
        raise InvalidInput(f"A name has 1 to {MAX_DATASET_NAME} printable characters.", field="name")
    return cleaned


def clean_note(note: str) -> str:
    """A note as it is stored. Raises InvalidInput."""
    cleaned = "\n".join(_printable(line).rstrip() for line in note.replace("\r\n", "\n").split("\n")).strip()
    if len(cleaned) > MAX_NOTE:
        raise InvalidInput(f"A note has at most {MAX_NOTE:,} characters.", field="note")
    return cleaned


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Tags without repetitions, in lower case, sorted. Raises InvalidInput."""
    cleaned = sorted({" ".join(_printable(each).casefold().split()) for each in tags} - {""})
    for each in cleaned:
        if len(each) > MAX_TAG or BAR in each or "," in each:
            raise InvalidInput(
                f"{quoted(each[:60])} cannot be a tag: a tag has at most {MAX_TAG} characters, without comma and bar.",
                field="tags",
            )
    if len(cleaned) > MAX_TAGS:
        raise InvalidInput(f"There are at most {MAX_TAGS} tags; these are {len(cleaned)}.", field="tags")
    return cleaned


def tags_in(rows: QuerySet[Any]) -> list[str]:
    """The tags that some of these rows have."""
    stored = rows.order_by().exclude(tags="").values_list("tags", flat=True).distinct()[:MAX_SETS]
    return sorted({tag for each in stored for tag in read_tags(each)})


def _printable(text: str) -> str:
    """Text without control, direction, zero-width, surrogate and unassigned characters."""
    kept = (c for c in text if c in " \t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Cn"))
    return unicodedata.normalize("NFC", "".join(kept))
