"""Documents of rows: JSON and long texts, such as evaluation reports and schemas. Lists do not read them."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any, TypeVar

from django.db import models

Rows = TypeVar("Rows", bound=models.QuerySet[Any])


@cache
def documents_of(model: type[models.Model]) -> tuple[str, ...]:
    """The names of the columns that can hold a document of any size."""
    fields = model._meta.concrete_fields
    return tuple(each.name for each in fields if isinstance(each, models.JSONField | models.TextField))


def without_documents(rows: Rows, *related: str, but: Collection[str] = ()) -> Rows:
    """The rows without their documents and without those on the way to `related`, such as "model_version".

    `but`: documents that are read all the same. A document that is left out is loaded when it is used.
    """
    names = list(documents_of(rows.model))
    for path in related:
        model, parts = rows.model, path.split("__")
        for depth, part in enumerate(parts, start=1):
            model = model._meta.get_field(part).related_model  # type: ignore[assignment]
            names += ["__".join([*parts[:depth], name]) for name in documents_of(model)]
    return rows.defer(*(name for name in names if name not in but))
