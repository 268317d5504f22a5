"""Which rows test a model: rows drawn at random, later rows, or whole groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ...errors import InvalidTrainingRequest, listed, shown


class SplitKind(StrEnum):
    """Which rows judge."""

    RANDOM = "random"
    TIME = "time"
    GROUP = "group"


@dataclass(frozen=True)
class SplitBy:
    """Which rows judge a model; `column` holds the times or the groups, None for rows drawn at random."""

    kind: SplitKind = SplitKind.RANDOM
    column: str | None = None

    @property
    def words(self) -> str:
        """As in "tested on …"."""
        if self.kind is SplitKind.TIME:
            return f"later rows by {shown(self.column)}"
        if self.kind is SplitKind.GROUP:
            return f"whole groups of {shown(self.column)}"
        return "rows drawn at random"

    @property
    def text(self) -> str:
        """As forms and the command line write it: `random`, `time:COLUMN`, `group:COLUMN`."""
        return self.kind.value if self.column is None else f"{self.kind.value}:{self.column}"

    @classmethod
    def parse(cls, text: str) -> SplitBy:
        """From its text. Raises InvalidTrainingRequest."""
        kind, _, column = text.partition(":")
        return cls.from_json({"kind": kind, "column": column})

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind.value, "column": self.column}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> SplitBy:
        """Raises InvalidTrainingRequest for an unknown kind, or a column where none or one belongs."""
        data = data or {}
        kind, column = data.get("kind") or SplitKind.RANDOM, data.get("column") or None
        if kind not in set(SplitKind):
            raise InvalidTrainingRequest(
                f"There is no split {shown(kind)}. Choose one of {listed(SplitKind, 10)}."
            )
        if kind == SplitKind.RANDOM and column is not None:
            raise InvalidTrainingRequest("A split at random takes no column; leave it out.")
        if kind != SplitKind.RANDOM and not isinstance(column, str):
            raise InvalidTrainingRequest(f"The split by {kind} needs the name of a column.")
        return cls(SplitKind(kind), column)
