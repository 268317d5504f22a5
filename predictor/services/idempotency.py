"""Requests that may be repeated: the first one with a key is carried out, the others get its answer.

The key is claimed by inserting a row: of fifty at once, the database lets one in, and the others find its row. Who
holds it renews a lease; when that runs out, its process is dead, and the next repetition takes over. Faults of ours are
not kept, so that a repetition tries again.
"""

from __future__ import annotations

import logging
import re
import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connections, transaction
from django.utils import timezone

from ..errors import InvalidInput, KeyReused, RequestUnderWay
from ..models import IdempotentRequest
from . import artifact_references, artifacts

logger = logging.getLogger(__name__)

KEY = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")
LEASE = timedelta(seconds=30)
RENEWED_EVERY_SECONDS = 10.0
RETRY_SECONDS = 1
# Larger answers are kept as files.
LARGEST_BODY = 64 << 10


@dataclass(frozen=True)
class Answer:
    """An answer as it was given. A large one is in the artifact storage under its digest."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    body_digest: str = ""


class Claim:
    """The right to answer a request. As a context it is renewed; what is not kept by then is given up."""

    def __init__(self, pk: int, owner: str):
        self.pk = pk
        self._owner = owner
        self._is_kept = False
        self._is_over = threading.Event()
        self._renewer = threading.Thread(target=self._renew, name=f"idempotent-{pk}", daemon=True)

    def __enter__(self) -> Self:
        self._renewer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        if not self._is_kept:
            IdempotentRequest.objects.held_by(self._owner).filter(pk=self.pk).delete()
        self._renewer.join()

    def keep(self, answer: Answer) -> None:
        """Store the answer for whoever repeats the request; inside a transaction, with what the request made."""
        kept = IdempotentRequest.objects.held_by(self._owner).filter(pk=self.pk)
        n_kept = kept.update(
            status=answer.status,
            headers=dict(answer.headers),
            body=answer.body,
            body_digest=answer.body_digest,
        )
        self._is_kept = True
        if not n_kept:
            logger.warning("Another process took over a request that this one was still answering.")

    def give_up(self) -> None:
        """What `keep` stored was undone with its transaction."""
        self._is_kept = False

    def _renew(self) -> None:
        try:
            while not self._is_over.wait(RENEWED_EVERY_SECONDS):
                try:
                    held = IdempotentRequest.objects.held_by(self._owner).filter(pk=self.pk)
                    held.update(lease_until=timezone.now() + LEASE)
                except DatabaseError:
                    connections.close_all()
        finally:
            connections.close_all()


def claim(*, workspace_id: int, caller: str, key: str, route: str, fingerprint: str) -> Claim | Answer:
    """The right to answer this request, or the answer that it got before.

    Raises InvalidInput for what is no key, KeyReused when something else was sent with it, RequestUnderWay while
    the first one is being answered.
    """
    if not KEY.fullmatch(key):
        raise InvalidInput(
            "An Idempotency-Key is 1 to 255 printable ASCII characters, without spaces around."
        )
    where = {"workspace_id": workspace_id, "caller": caller, "key": key, "route": route[:250]}
    owner = uuid.uuid4().hex
    for _ in range(3):
        # Read first: a repetition that finds its answer does not wait in the queue of those who write.
        row = IdempotentRequest.objects.filter(**where).first()
        if row is not None and (found := _taken_over_or_answered(row, owner, fingerprint)) is not None:
            return found
        with suppress(IntegrityError), transaction.atomic():
            made = IdempotentRequest.objects.create(
                **where, fingerprint=fingerprint, owner=owner, lease_until=timezone.now() + LEASE
            )
            return Claim(made.pk, owner)
    raise _under_way()


def _taken_over_or_answered(row: IdempotentRequest, owner: str, fingerprint: str) -> Claim | Answer | None:
    """None when the answer is no longer kept: then the key is free again."""
    now = timezone.now()
    if row.created_at < now - kept_for() and (row.status is not None or row.lease_until < now):
        IdempotentRequest.objects.filter(pk=row.pk, owner=row.owner).delete()
        return None
    if row.fingerprint != fingerprint:
        raise KeyReused(
            "This Idempotency-Key came before with another request; each one needs a key of its own."
        )
    if row.status is not None:
        return Answer(row.status, row.headers, bytes(row.body), row.body_digest)
    taken = IdempotentRequest.objects.held_by(row.owner).filter(pk=row.pk, lease_until__lt=now)
    if taken.update(owner=owner, lease_until=now + LEASE):
        return Claim(row.pk, owner)
    raise _under_way()


def _under_way() -> RequestUnderWay:
    return RequestUnderWay(
        "The first request with this Idempotency-Key is still being answered; repeat it in a moment.",
        retry_seconds=RETRY_SECONDS,
    )


def kept_for() -> timedelta:
    return timedelta(hours=settings.IDEMPOTENCY_HOURS)


def forget_old() -> int:
    """Drop answers that are no longer kept; returns how many."""
    old = IdempotentRequest.objects.older_than(timezone.now() - kept_for())
    digests = set(old.exclude(body_digest="").values_list("body_digest", flat=True))
    n_deleted = old.delete()[0]
    if digests:
        artifact_references.remove_bytes(digests)
    return n_deleted


def keep_body(content: bytes) -> tuple[bytes, str]:
    """A body for an Answer: itself when it is small, else its digest in the artifact storage."""
    return (content, "") if len(content) <= LARGEST_BODY else (b"", artifacts.put_bytes(content))
