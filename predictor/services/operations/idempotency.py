"""Idempotency keys: the first request with a key is executed, repetitions get its stored response.

A request claims the key by inserting a row: of fifty at once, the unique constraint accepts one, and the others read
its row. The holder renews a lease. A lease that ran out means a dead process, and the next repetition takes over.
Server errors are not stored, so that a repetition tries again.
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

from ...errors import InvalidInput, KeyReused, RequestUnderWay
from ...models import IdempotentRequest
from .. import artifact_references, artifacts, quotas

logger = logging.getLogger(__name__)

KEY = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")
LEASE = timedelta(seconds=30)
RENEWED_EVERY_SECONDS = 10.0
RETRY_SECONDS = 1
# Larger bodies are stored as artifacts.
LARGEST_BODY = 64 << 10


@dataclass(frozen=True)
class StoredResponse:
    """A stored response. A large body is in the artifact storage under `body_digest`."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    body_digest: str = ""


class Claim:
    """A leased claim on a key. As a context manager it renews the lease, and frees the key unless `keep` was called."""

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

    def keep(self, answer: StoredResponse) -> None:
        """Store the response for repetitions. Call it in the transaction that holds the effects of the request."""
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
        """Undo `keep` after its transaction was rolled back."""
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


def claim(
    *, workspace_id: int, caller: str, key: str, route: str, fingerprint: str
) -> Claim | StoredResponse:
    """Claim the key for this request, or return the response that it got before.

    `fingerprint` identifies the content of the request. Raises InvalidInput for a malformed key, KeyReused when the
    key came with another request, RequestUnderWay while the first one is still being answered, OverQuota when
    too many responses are stored.
    """
    if not KEY.fullmatch(key):
        raise InvalidInput(
            "An Idempotency-Key is 1 to 255 printable ASCII characters, without spaces around."
        )
    identity = {"workspace_id": workspace_id, "caller": caller, "key": key, "route": route[:250]}
    owner = uuid.uuid4().hex
    for _ in range(3):
        # Read first: a repetition that finds its response does not wait for the write lock.
        row = IdempotentRequest.objects.filter(**identity).first()
        if row is not None and (outcome := _taken_over_or_answered(row, owner, fingerprint)) is not None:
            return outcome
        quotas.require_room_for_answer(workspace_id)
        with suppress(IntegrityError), transaction.atomic():
            row = IdempotentRequest.objects.create(
                **identity, fingerprint=fingerprint, owner=owner, lease_until=timezone.now() + LEASE
            )
            return Claim(row.pk, owner)
    raise _under_way()


def _taken_over_or_answered(
    row: IdempotentRequest, owner: str, fingerprint: str
) -> Claim | StoredResponse | None:
    """None when the stored response has expired: the key is free again."""
    now = timezone.now()
    if row.created_at < now - kept_for() and (row.status is not None or row.lease_until < now):
        IdempotentRequest.objects.filter(pk=row.pk, owner=row.owner).delete()
        return None
    if row.fingerprint != fingerprint:
        raise KeyReused(
            "This Idempotency-Key came before with another request; each one needs a key of its own."
        )
    if row.status is not None:
        return StoredResponse(row.status, row.headers, bytes(row.body), row.body_digest)
    expired = IdempotentRequest.objects.held_by(row.owner).filter(pk=row.pk, lease_until__lt=now)
    if expired.update(owner=owner, lease_until=now + LEASE):
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
    """Delete expired responses; return how many."""
    old = IdempotentRequest.objects.older_than(timezone.now() - kept_for())
    digests = set(old.exclude(body_digest="").values_list("body_digest", flat=True))
    n_deleted = old.delete()[0]
    if digests:
        artifact_references.remove_bytes(digests)
    return n_deleted


def keep_body(content: bytes) -> tuple[bytes, str]:
    """(body, body_digest) for an Answer: a small body itself, a large one by its digest in the artifact storage."""
    return (content, "") if len(content) <= LARGEST_BODY else (b"", artifacts.put_bytes(content))
