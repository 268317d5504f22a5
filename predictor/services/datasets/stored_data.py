"""Whether the rows of a dataset are there."""

from __future__ import annotations

from ...errors import NotFound
from ...models import Dataset


def needs_data(dataset: Dataset) -> None:
    """Raises NotFound when the rows were removed and only the description was kept."""
    if not dataset.has_data:
        raise NotFound("The data of this dataset was removed; only its description was kept.")
