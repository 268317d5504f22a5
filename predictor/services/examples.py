"""The training rows that a version keeps: read when they are first asked for, weighed by its importances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

from ..errors import InvalidInput, NotFound, NotServable, TooLarge
from ..models import ModelVersion
from . import artifacts
from .admission import check_time
from .version_facts import FILE, has_examples, importance_of

if TYPE_CHECKING:
    from ..ml.explanation.nearest_examples import Examples
    from ..ml.inputs.row_checker import CheckedRows
    from .answers import Prediction

MAX_NEAREST, N_NEAREST = 20, 5
# A few megabytes each; fewer than the versions that serve, since few are asked for examples at a time.
KEPT = 8
NONE_STORED = "This version was stored without training rows to compare with; train it again."


def examples_of(version: ModelVersion) -> Examples:
    """Raises InvalidInput when the version has none, NotServable when they are missing or damaged."""
    if not has_examples(version):
        raise InvalidInput(NONE_STORED)
    return _loaded(version.content_key, version.pk)


@lru_cache(maxsize=KEPT)
def _loaded(content_key: str, pk: int) -> Examples:
    """The key names the bytes; the row says where they are."""
    from ..ml.persistence import version_files

    version = ModelVersion.objects.get(pk=pk)
    digest = version.artifacts[FILE]["digest"]
    try:
        path = artifacts.path_of(digest)
    except NotFound:
        raise NotServable(
            f"A file of version {version.number} is missing from the artifact storage."
        ) from None
    content = version_files.content_of({FILE: path}, FILE, {FILE: digest})
    return version_files.read_examples(content, version.signature, importance_of(version))


def with_nearest(
    predictions: Sequence[Prediction], version: ModelVersion, checked: CheckedRows, k: int
) -> list[Prediction]:
    """The predictions, each with the k training rows nearest to its row. Raises InvalidInput, TooLarge."""
    if not 1 <= k <= MAX_NEAREST:
        raise InvalidInput(f"Ask for 1 to {MAX_NEAREST} nearest training rows; got {k}.", limit=MAX_NEAREST)
    if checked.n_rows > settings.MAX_EXPLAINED_ROWS:
        raise TooLarge(
            f"One request may ask for the nearest training rows of {settings.MAX_EXPLAINED_ROWS:,} rows; "
            f"this one holds {checked.n_rows:,}.",
            limit=settings.MAX_EXPLAINED_ROWS,
        )
    examples = examples_of(version)
    found = []
    for place, each in enumerate(predictions):
        check_time()
        row = {name: cells[place : place + 1] for name, cells in checked.columns.items()}
        found.append(replace(each, nearest=tuple(examples.nearest(row, k))))
    return found
