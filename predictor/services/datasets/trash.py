"""The trash of a workspace: deleted datasets, restored or deleted for good; upkeep empties it after some days."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from ...errors import Conflict, MlwebError, NotFound, quoted
from ...models import Dataset
from .datasets import delete

if TYPE_CHECKING:
    from ...models import User, Workspace
    from ...models.dataset import DatasetQuerySet

logger = logging.getLogger(__name__)

# So many a round: each may have a file of gigabytes, and the next round comes ten minutes later.
MAX_A_ROUND = 200


def of_workspace(workspace: Workspace) -> DatasetQuerySet:
    """The datasets in the trash, the last deleted first."""
    rows = Dataset.with_trash.filter(workspace=workspace, deleted_at__isnull=False)
    return rows.defer("schema_json", "options", "warnings").order_by("-deleted_at", "-pk")


def removed_at(dataset: Dataset) -> datetime:
    """When upkeep deletes it for good."""
    return (dataset.deleted_at or timezone.now()) + timedelta(days=settings.TRASH_DAYS)


def restore(*, dataset: Dataset, by: User | None) -> Dataset:
    """Take a dataset out of the trash. Raises NotFound when it is gone, Conflict when the same file is here again."""
    try:
        with transaction.atomic():
            rows = Dataset.with_trash.filter(pk=dataset.pk, deleted_at__isnull=False)
            n_restored = rows.update(deleted_at=None, deleted_by=None)
    except IntegrityError:
        raise Conflict(
            f"The file of {quoted(dataset.name)} was uploaded again meanwhile. "
            "Delete that dataset first, or leave this one in the trash."
        ) from None
    if not n_restored:
        raise NotFound("The dataset is not in the trash any more.")
    restored: Dataset = Dataset.objects.get(pk=dataset.pk)
    return restored


def delete_for_good(*, dataset: Dataset, by: User | None) -> None:
    """Delete row and bytes of a dataset in the trash."""
    delete(dataset=dataset, by=by, for_good=True)


def empty_old() -> int:
    """Delete for good what is longer in the trash than the setting says; returns how many."""
    before = timezone.now() - timedelta(days=settings.TRASH_DAYS)
    n_deleted = 0
    for dataset in Dataset.with_trash.filter(deleted_at__lt=before).only("pk")[:MAX_A_ROUND]:
        try:
            delete_for_good(dataset=dataset, by=None)
            n_deleted += 1
        except MlwebError as error:
            logger.warning("Dataset %s stays in the trash: %s", dataset.pk, error.message)
    return n_deleted
