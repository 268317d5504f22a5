"""Template tags `{% labels_of row %}` and `{% comments_of row %}`, and the filter of lists by tag."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django import template
from django.db.models import QuerySet
from django.template import Context
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from ...models import Dataset, ModelVersion, RegisteredModel, TrainingRun
from ...models.comment import MAX_COMMENT
from ...models.labels import MAX_NOTE, has_tag
from ...services import comments, labels
from .tables import Choice, ListTable

register = template.Library()

TAG = Choice("tag", _("Tag"), (), condition=has_tag)  # type: ignore[arg-type]


def with_tags(table: ListTable, rows: QuerySet[Any]) -> ListTable:
    """The list with the tags of its rows as choices; without that filter where no row has a tag."""
    tags = labels.tags_in(rows)
    choices = (
        replace(each, choices=[(tag, tag) for tag in tags]) if each.name == TAG.name else each
        for each in table.choices
    )
    return replace(table, choices=tuple(each for each in choices if each.choices))


@register.inclusion_tag("includes/_labels.html", takes_context=True)
def labels_of(context: Context, row: Any) -> dict[str, Any]:
    """The note and the tags of a row, with a form for members."""
    slug = context["workspace"].slug
    found: dict[str, Any] = {
        "row": row,
        "can_write": context.get("can_write"),
        "max_note": MAX_NOTE,
        "has_tags": not isinstance(row, TrainingRun),
        "has_note": not isinstance(row, RegisteredModel),
        "has_name": isinstance(row, Dataset | RegisteredModel),
    }
    if isinstance(row, Dataset):
        url, listed = reverse("dataset-labels", args=[slug, row.pk]), reverse("dataset-list", args=[slug])
    elif isinstance(row, RegisteredModel):
        url, listed = reverse("model-labels", args=[slug, row.slug]), reverse("model-list", args=[slug])
    elif isinstance(row, ModelVersion):
        url, listed = reverse("version-labels", args=[slug, row.registered_model.slug, row.number]), ""
    else:
        url, listed = reverse("run-labels", args=[slug, row.pk]), ""
    return {**found, "url": url, "list_url": listed}


@register.inclusion_tag("includes/_comments.html", takes_context=True)
def comments_of(context: Context, row: Any) -> dict[str, Any]:
    """The newest comments on a model, a version or a run, with a form for members."""
    slug, membership = context["workspace"].slug, context["membership"]
    if isinstance(row, RegisteredModel):
        url = reverse("model-comments", args=[slug, row.slug])
    elif isinstance(row, ModelVersion):
        url = reverse("version-comments", args=[slug, row.registered_model.slug, row.number])
    else:
        url = reverse("run-comments", args=[slug, row.pk])
    newest = list(comments.of(row).order_by("-pk")[: comments.SHOWN + 1])
    return {
        "workspace": context["workspace"],
        "comments": [
            {
                "comment": each,
                "is_own": each.created_by_id == membership.user_id,
                "may_delete": comments.may_delete(each, membership),
            }
            for each in reversed(newest[: comments.SHOWN])
        ],
        "has_older": len(newest) > comments.SHOWN,
        "url": url,
        "can_write": context.get("can_write"),
        "max_length": MAX_COMMENT,
    }
