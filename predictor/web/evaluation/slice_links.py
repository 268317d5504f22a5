"""Links from a slice of the held-out rows to the rows of the dataset that are like it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from ...errors import InvalidInput
from ...ml.types.row_query import RowQuery
from ...models import ModelVersion

# Names in the report, and the parts of a filter in the URL of the page of rows.
PARTS = {"equals": "in", "minimum": "min", "maximum": "max"}


def rows_url(version: ModelVersion, part: Mapping[str, Any]) -> str:
    """The page of the dataset's rows with the filter of the slice; "" where the report or the dataset lacks it."""
    where, dataset = part.get("where"), version.dataset
    if not where or dataset is None or not dataset.has_data or part.get("column") not in dataset.schema:
        return ""
    name = f"c{dataset.schema.names.index(part['column']) + 1}."
    names = {name + PARTS[key]: str(value) for key, value in where.items() if key in PARTS}
    if where.get("is_missing"):
        names[f"{name}missing"] = "yes"
    try:
        RowQuery.parse({key: [value] for key, value in names.items()}, dataset.schema)
    except InvalidInput:  # the column is read in another way than in training
        return ""
    workspace = version.registered_model.workspace.slug
    return f"{reverse('dataset-rows', args=[workspace, dataset.pk])}?{urlencode(names)}" if names else ""
