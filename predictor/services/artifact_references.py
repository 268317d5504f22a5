"""Which stored files rows still name, and the removal of all others."""

from __future__ import annotations

from collections.abc import Iterable

from ..models import BatchPrediction, Dataset, IdempotentRequest, ModelVersion
from . import artifacts


def remove_unreferenced_files() -> int:
    """Drops stored bytes that no row has named for a day; returns how many files. Safe at any time."""
    return artifacts.delete_unreferenced(_referenced())


def remove_bytes(digests: Iterable[str]) -> None:
    """Drop stored bytes, unless a row names them."""
    with artifacts.removing():
        needed = _referenced()
        for digest in digests:
            if digest not in needed:
                artifacts.remove(digest)


def _referenced() -> set[str]:
    """Every digest that a row names."""
    rows = Dataset.with_trash.with_data().values_list("sha256", "parquet_digest")
    digests = {digest for pair in rows.iterator() for digest in pair}
    for files in ModelVersion.objects.values_list("artifacts", flat=True).iterator():
        digests.update(str(file["digest"]) for file in files.values())
    kept = IdempotentRequest.objects.exclude(body_digest="").values_list("body_digest", flat=True)
    digests.update(kept.iterator())
    for pair in BatchPrediction.objects.values_list("source_digest", "result_digest").iterator():
        digests.update(filter(None, pair))
    return digests
