"""What can go wrong, as sentences with names in them.

No HTTP here: `api/errors.py` maps these to status codes, forms show the same sentence.
A message says what is wrong, where, and what to do; it never holds a stack, a path, SQL or a person's data
beyond the names of columns and the offending value, shortened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


def shown(value: Any, limit: int = 40) -> str:
    """A value as it may stand in a sentence: quoted, printable, shortened."""
    text = "".join(character if character.isprintable() else "�" for character in str(value))
    return f"“{text[:limit]}…”" if len(text) > limit else f"“{text}”"


def listed(names: Iterable[Any], limit: int = 5) -> str:
    """The first names, quoted, with the count of the rest."""
    names = list(names)
    head = ", ".join(shown(name) for name in names[:limit])
    return f"{head} and {len(names) - limit} more" if len(names) > limit else head


@dataclass(frozen=True)
class Problem:
    """One offending place: a JSON pointer or a column name, and what is wrong there."""

    detail: str
    pointer: str = ""


class MlwebError(Exception):
    """A refusal that people can act on. `problems` names the first places, `limit` the limit that was hit."""

    def __init__(self, message: str, *, problems: Sequence[Problem] = (), limit: int | float | None = None):
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)
        self.limit = limit


class InvalidInput(MlwebError):
    """What was sent cannot be used as it is."""


class UnsupportedContent(MlwebError):
    """What was sent is of another kind than what is taken here."""


class TooLarge(MlwebError):
    """What was sent goes past a limit."""


class TookTooLong(MlwebError):
    """What was asked could not be answered in the time that a request has; nothing of it was kept."""


class TryLater(MlwebError):
    """The request is right and would be answered at another time; `retry_seconds` says when to try again."""

    def __init__(self, message: str, *, retry_seconds: int, **kwargs: Any):
        super().__init__(message, **kwargs)
        self.retry_seconds = retry_seconds


class Busy(TryLater):
    """So much is being predicted that one more would only make all of them late."""


class NotLogged(TryLater):
    """What was predicted could not be written to the log, so it was not answered either."""


class RateLimited(TryLater):
    """This token has sent more requests than it may."""


class RequestUnderWay(TryLater):
    """The same request is being answered at this moment; a repetition will get that answer."""


class KeyReused(MlwebError):
    """A key that stands for one request came with another."""


class Conflict(MlwebError):
    """The request is right, but what it names is not in a state that allows it."""


class NotFound(MlwebError):
    """There is no such thing, or the caller may not know that there is."""


class Forbidden(MlwebError):
    """The caller may see the thing but not do this with it."""


class NotAuthenticated(MlwebError):
    """The caller did not say who they are, or the token is wrong, expired or revoked."""


class InvalidTable(InvalidInput):
    """A CSV file that cannot become a dataset."""


class UnknownEncoding(InvalidTable):
    """A CSV file that is not UTF-8; `suggestion` is the likely encoding."""

    def __init__(self, message: str, *, suggestion: str = "", **kwargs: Any):
        super().__init__(message, **kwargs)
        self.suggestion = suggestion


class RaggedRows(InvalidTable):
    """A CSV file in which rows have more or fewer cells than the header; they can be left out on request."""


class InvalidTrainingRequest(InvalidInput):
    """A training run that cannot be started as asked."""


class InvalidHyperparameters(InvalidTrainingRequest):
    """Hyperparameters that the estimator does not take."""


class InvalidThreshold(InvalidTrainingRequest):
    """A decision threshold that cannot be chosen as asked."""


class TrainingFailed(MlwebError):
    """A training run that ended without a model version; the message says why in a sentence."""


class InvalidRows(InvalidInput):
    """Rows that cannot be predicted; each problem names row and column."""


class StrictRows(MlwebError):
    """Rows that could be predicted with warnings, where the caller asked for none."""


class NotServable(Conflict):
    """A model version that cannot serve: archived, damaged, or different from what was stored."""


class DamagedArtifact(NotServable):
    """Stored bytes that are not what was written: digest, audit or golden rows differ."""
