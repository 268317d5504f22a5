"""Hold-out strategies: a random split, a time split (later rows) or a group split (whole groups)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ...errors import InvalidTrainingRequest, quoted, quoted_list


class SplitKind(StrEnum):
    """How the held-out rows are chosen."""

    RANDOM = "random"
    TIME = "time"
    GROUP = "group"


@dataclass(frozen=True)
class SplitBy:
    """How the held-out rows are chosen; `column` holds the times or the groups, None for a random split."""

    kind: SplitKind = SplitKind.RANDOM
    column: str | None = None

    @property
    def words(self) -> str:
        """The held-out rows in words, to follow "tested on …"."""
        if self.kind is SplitKind.TIME:
            return f"later rows by {quoted(self.column)}"
        if self.kind is SplitKind.GROUP:
            return f"whole groups of {quoted(self.column)}"
        return "rows drawn at random"

    @property
    def text(self) -> str:
        """As forms and the command line write it: `random`, `time:COLUMN`, `group:COLUMN`."""
        return self.kind.value if self.column is None else f"{self.kind.value}:{self.column}"

    @classmethod
    def parse(cls, text: str) -> SplitBy:
        """A split from its `text`. Raises InvalidTrainingRequest."""
        kind, _, column = text.partition(":")
        return cls.from_json({"kind": kind, "column": column})

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind.value, "column": self.column}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> SplitBy:
        """Raises InvalidTrainingRequest for an unknown kind, and for a missing or needless column."""
        data = data or {}
        kind, column = data.get("kind") or SplitKind.RANDOM, data.get("column") or None
        if kind not in set(SplitKind):
            raise InvalidTrainingRequest(
                f"There is no split {quoted(kind)}. Choose one of {quoted_list(SplitKind, 10)}.",
                field="split",
            )
        if kind == SplitKind.RANDOM and column is not None:
            raise InvalidTrainingRequest("A split at random takes no column; leave it out.", field="split")
        if kind != SplitKind.RANDOM and not isinstance(column, str):
            raise InvalidTrainingRequest(f"The split by {kind} needs the name of a column.", field="split")
        return cls(SplitKind(kind), column)
