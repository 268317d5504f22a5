"""Notes and tags: texts that people write beside a row, and short words that lists are filtered by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import Q

MAX_NOTE = 2_000
MAX_TAGS = 10
MAX_TAG = 30
BAR = "|"


def note_field() -> Any:
    return models.CharField(max_length=MAX_NOTE, blank=True, default="", help_text="What people note.")


def tags_field() -> Any:
    return models.CharField(
        max_length=MAX_TAGS * (MAX_TAG + 1) + 1,
        blank=True,
        default="",
        help_text="Words to filter by, each between two bars: |raw|2026|.",
    )


def stored_tags(tags: Iterable[str]) -> str:
    """Tags as they are stored: no tag is a part of another one when it is looked up with its bars."""
    return "".join(f"{BAR}{each}" for each in tags) + BAR if tags else ""


def read_tags(stored: str) -> list[str]:
    return [each for each in stored.split(BAR) if each]


def has_tag(tag: str) -> Q:
    """The condition for rows with this tag."""
    return Q(tags__contains=f"{BAR}{tag}{BAR}")
