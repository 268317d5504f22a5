"""Exceptions whose messages are sentences for users.

No HTTP here: `http/statuses.py` maps them to status codes, forms show the same sentence.
A message says what is wrong, where, and what to do. It never holds a stack trace, a path, SQL or personal data, except
column names and the shortened invalid value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


def quoted(value: Any, limit: int = 40) -> str:
    """A value for a message: quoted, printable, at most `limit` characters."""
    text = "".join(character if character.isprintable() else "�" for character in str(value))
    return f"“{text[:limit]}…”" if len(text) > limit else f"“{text}”"


def quoted_list(names: Iterable[Any], limit: int = 5) -> str:
    """The first names, quoted, with the count of the rest."""
    names = list(names)
    head = ", ".join(quoted(name) for name in names[:limit])
    return f"{head} and {len(names) - limit} more" if len(names) > limit else head


@dataclass(frozen=True)
class Problem:
    """One invalid place: a JSON pointer or a column name, and what is wrong there."""

    detail: str
    pointer: str = ""


class MlwebError(Exception):
    """Base class: an error that the caller can correct.

    `problems` are the first places, `limit` the exceeded limit, `field` the option of the request that is wrong.
    """

    # The error's name for programs, as API clients know it; empty: the name of the class.
    code: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        *,
        problems: Sequence[Problem] = (),
        limit: int | float | None = None,
        field: str = "",
    ):
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)
        self.limit = limit
        self.field = field


class InvalidInput(MlwebError):
    """The input is invalid."""


class UnsupportedContent(MlwebError):
    """The media type or file format is not supported here."""


class TooLarge(MlwebError):
    """The input exceeds a limit."""


class TookTooLong(MlwebError):
    """The request exceeded its time limit; nothing was stored."""


class CallerLeft(MlwebError):
    """The caller closed the connection before the work for it was done; nothing was stored."""


class TryLater(MlwebError):
    """The request is valid but cannot be answered now; `retry_seconds` says when to try again."""

    def __init__(self, message: str, *, retry_seconds: int, **kwargs: Any):
        super().__init__(message, **kwargs)
        self.retry_seconds = retry_seconds


class Busy(TryLater):
    """Too many predictions are running, or another column is being read (back-pressure)."""


class NotLogged(TryLater):
    """The predictions could not be logged, so they are not returned."""


class RateLimited(TryLater):
    """The token has exceeded its rate limit."""


class OverQuota(TryLater):
    """The workspace or the person has as much queued or stored as it may have."""


class RequestUnderWay(TryLater):
    """A request with the same idempotency key is still running; a repetition will get its response."""


class KeyReused(MlwebError):
    """An idempotency key was used for two different requests."""


class Conflict(MlwebError):
    """The request is valid, but the state of the object does not allow it."""


class NotFound(MlwebError):
    """The object does not exist, or the caller may not see it."""


class Gone(MlwebError):
    """The object existed for the caller and does no longer: its link is revoked, switched off or expired."""


class Forbidden(MlwebError):
    """The caller may see the object but not do this with it."""


class NotAuthenticated(MlwebError):
    """There are no credentials, or the token is wrong, expired or revoked."""


class InvalidTable(InvalidInput):
    """A CSV file that cannot become a dataset."""


class UnknownEncoding(InvalidTable):
    """A CSV file that is not UTF-8; `suggestion` is the likely encoding."""

    def __init__(self, message: str, *, suggestion: str = "", **kwargs: Any):
        super().__init__(message, **kwargs)
        self.suggestion = suggestion


class RaggedRows(InvalidTable):
    """A CSV file with rows of more or fewer cells than the header.

    `option` and `value`: the import option that may help, if any: to skip them, or the lines around the table.
    """

    def __init__(self, message: str, *, option: str = "skip_bad_rows", value: str = "true", **kwargs: Any):
        super().__init__(message, **kwargs)
        self.option, self.value = option, value


class InfiniteNumbers(InvalidTable):
    """A CSV file with infinite numbers; they can be taken as missing on request."""

    code = "invalid-table"


class InvalidTrainingRequest(InvalidInput):
    """A training request with invalid options."""


class LosesCells(InvalidTrainingRequest):
    """A role or a reading that would empty a larger share of a column's cells than is allowed; `limit` is the share."""


class InvalidHyperparameters(InvalidTrainingRequest):
    """Hyperparameters that the estimator does not accept."""


class InvalidThreshold(InvalidTrainingRequest):
    """An invalid rule for a decision threshold."""


class TrainingFailed(MlwebError):
    """A training run that ended without a model version; the message says why."""


class InvalidRows(InvalidInput):
    """Rows that cannot be predicted; each problem names row and column."""


class StrictRows(MlwebError):
    """Rows with warnings, in a request with `strict`."""


class NotServable(Conflict):
    """A model version that cannot serve: archived, incomplete or damaged."""


class DamagedArtifact(NotServable):
    """A stored file that failed a check: its digest, the audit, or the golden rows."""
