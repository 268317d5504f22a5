"""API tokens: create, authenticate, revoke. Only the SHA-256 digest of a token is stored.

`docs/adr/0005-api-tokens-of-our-own.md` says why this is not a library.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from ...errors import InvalidInput, NotAuthenticated, NotFound, Problem, quoted, quoted_list
from ...models import ApiToken, Membership, Scope, User, Workspace
from ..process import short_cache
from ..process.short_cache import ShortCache

logger = logging.getLogger(__name__)

MARK = "mlw_"  # a prefix by which secret scanners and people recognise a token
N_RANDOM_BYTES = 32  # 256 bits, written as 43 URL-safe characters
WELL_FORMED = re.compile(r"mlw_[A-Za-z0-9_-]{43}")
MOST_REQUESTS_PER_MINUTE = 10_000_000
USE_IS_NOTED_EVERY = timedelta(minutes=1)

_usable: ShortCache[str, ApiToken] = ShortCache()
# Digests of no token, not even a revoked one: of callers who repeat a wrong token, or try many.
_wrong: ShortCache[str, bool] = ShortCache()


@dataclass(frozen=True)
class CreatedToken:
    """A new token and the text that callers send. The text is shown only once."""

    token: ApiToken
    plaintext: str


def create_token(
    *,
    user: User,
    workspace: Workspace,
    name: str,
    scopes: Iterable[Scope | str],
    expires_at: datetime | None = None,
    requests_per_minute: int | None = None,
) -> CreatedToken:
    """Create a token that acts as `user` in `workspace` within `scopes`.

    `requests_per_minute`: None for the installation's limit; a limit of its own can only be stricter. Raises
    `InvalidInput` for a bad name, scope, expiry or limit, `NotFound` when the person is not in the workspace.
    """
    name = name.strip()
    if not name or len(name) > 80:
        raise InvalidInput("Give the token a name of 1 to 80 characters that says what uses it.", limit=80)
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidInput("The token would expire in the past; choose a later time.")
    _require_limit(requests_per_minute)
    if not Membership.objects.filter(user=user, workspace=workspace).exists():
        raise NotFound(f"There is no workspace {quoted(workspace.slug)}.")
    plaintext = MARK + secrets.token_urlsafe(N_RANDOM_BYTES)
    token = ApiToken(
        user=user,
        workspace=workspace,
        name=name,
        prefix=plaintext[:10],
        digest=digest_of(plaintext),
        scopes=_known_scopes(scopes),
        expires_at=expires_at,
        requests_per_minute=requests_per_minute,
    )
    token._history_user = user
    token.save(force_insert=True)
    return CreatedToken(token, plaintext)


def authenticate(plaintext: str) -> ApiToken:
    """The token of this text, with user and workspace loaded and `membership` set.

    It is cached for a second, so a token revoked by another process may be valid for that long. Raises
    `NotAuthenticated`, always with the same sentence, for a wrong, expired or revoked token, for a person who
    is deactivated, and for one who is no longer in the workspace.
    """
    if not WELL_FORMED.fullmatch(plaintext):
        raise _refused()
    digest = digest_of(plaintext)
    token = _usable.get(digest, lambda: _find(digest))
    if not token.is_usable:
        raise _refused()
    note_use(token)
    return token


def is_known(plaintext: str) -> bool:
    """Whether this process holds the token as valid lately. Without a query; it authenticates nobody."""
    return bool(WELL_FORMED.fullmatch(plaintext)) and digest_of(plaintext) in _usable


def revoke(*, token: ApiToken, by: User | None) -> None:
    """End the token at once. A second call changes nothing."""
    if token.revoked_at is None:
        token._history_user = by
        token.mark_revoked()
        short_cache.clear_after_commit()


def revoke_all(user: User) -> int:
    """End all tokens of the person, in every workspace; return how many."""
    mine = list(ApiToken.objects.filter(user=user, revoked_at=None))
    for token in mine:
        revoke(token=token, by=user)
    return len(mine)


def digest_of(plaintext: str) -> str:
    """SHA-256 in hexadecimal. A token has 256 random bits, so salt or a slow hash would add nothing."""
    return hashlib.sha256(plaintext.encode()).hexdigest()


def note_use(token: ApiToken) -> None:
    """Record the use, at most once a minute. A database error is logged and does not fail the request."""
    now = timezone.now()
    if token.last_used_at is not None and now - token.last_used_at < USE_IS_NOTED_EVERY:
        return
    is_due = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_IS_NOTED_EVERY)
    try:
        with transaction.atomic():
            ApiToken.objects.filter(is_due, pk=token.pk).update(last_used_at=now)
    except DatabaseError:
        logger.warning("The use of token %s could not be noted.", token.pk, exc_info=True)
    else:
        token.last_used_at = now


def _refused() -> NotAuthenticated:
    return NotAuthenticated(
        "The token is wrong, expired or revoked; make a new one under Settings → API tokens."
    )


def _find(digest: str) -> ApiToken:
    """The usable token of this digest, in one query. Raises NotAuthenticated.

    Once wrong tokens have come, there is another query before it, which takes a tenth of the time.
    """
    if _wrong.peek(digest):
        raise _refused()
    is_there = not len(_wrong) or _exists(digest)
    token = _read(digest) if is_there else None
    if token is None:
        if not (is_there and _exists(digest)):
            _wrong.get(digest, lambda: True)
        raise _refused()
    token.membership = Membership(
        pk=token.member_id,  # type: ignore[attr-defined]
        user=token.user,
        workspace=token.workspace,
        role=token.member_role,  # type: ignore[attr-defined]
    )
    return token


def _read(digest: str) -> ApiToken | None:
    return (
        ApiToken.objects.usable()
        .filter(digest=digest, workspace__memberships__user=F("user"))
        .select_related("user", "workspace")
        .annotate(member_id=F("workspace__memberships__pk"), member_role=F("workspace__memberships__role"))
        .first()
    )


def _exists(digest: str) -> bool:
    """Whether there is a token of this digest, usable or not."""
    table = connection.ops.quote_name(ApiToken._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {table} WHERE digest = %s", [digest])  # noqa: S608 (our table)
        return cursor.fetchone() is not None


def _require_limit(requests_per_minute: int | None) -> None:
    most = settings.TOKEN_REQUESTS_PER_MINUTE or MOST_REQUESTS_PER_MINUTE
    if requests_per_minute is not None and not 1 <= requests_per_minute <= most:
        raise InvalidInput(
            f"The limit of a token is between 1 and {most:,} requests a minute.",
            problems=[Problem("Out of range.", "/requests_per_minute")],
            limit=most,
        )


def _known_scopes(scopes: Iterable[Scope | str]) -> list[str]:
    requested = {str(scope.value if isinstance(scope, Scope) else scope) for scope in scopes}
    unknown = sorted(requested - set(Scope.values))
    if unknown:
        raise InvalidInput(f"{quoted_list(unknown)} is not a scope; choose from {', '.join(Scope.values)}.")
    if not requested:
        raise InvalidInput(f"Choose at least one scope: {', '.join(Scope.values)}.")
    return [scope for scope in Scope.values if scope in requested]
