"""Test conditions: split, duplicates and leaks, known before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...errors import quoted, quoted_list
from ..types.split import SplitBy, SplitKind
from .duplicates import Duplicates

# With fewer rows, or rows of the rarest class, the scores are rough.
FEW_ROWS, FEW_OF_A_CLASS = 100, 10
MANY_COPIES = 0.01


@dataclass(frozen=True)
class Conditions:
    """Split, duplicates and leaks of a test. `suggested`: a stricter split that suits the table; `leaks`: columns."""

    split: SplitBy = field(default_factory=SplitBy)
    suggested: SplitBy | None = None
    duplicates: Duplicates = field(default_factory=Duplicates)
    leaks: tuple[str, ...] = ()
    n_rows: int = 0

    @property
    def worries(self) -> list[str]:
        """Sentences on why the scores may be too good, the most serious first."""
        return [each for each in (self._leak, self._optimistic_split, self._copies) if each]

    def to_json(self) -> dict[str, Any]:
        return {
            "split": self.split.to_json(),
            "suggested_split": self.suggested.to_json() if self.suggested else None,
            "duplicates": self.duplicates.to_json(),
            "leaks": list(self.leaks),
        }

    @property
    def _leak(self) -> str:
        if not self.leaks:
            return ""
        if len(self.leaks) == 1:
            return (
                f"{quoted(self.leaks[0])} alone predicts the target almost perfectly: the scores count only if it is "
                "known before the prediction."
            )
        return (
            f"{quoted_list(self.leaks)} each predict the target almost perfectly: the scores count only if they are "
            "known before the prediction."
        )

    @property
    def _optimistic_split(self) -> str:
        if self.split.kind is not SplitKind.RANDOM or self.suggested is None:
            return ""
        name = quoted(self.suggested.column)
        if self.suggested.kind is SplitKind.TIME:
            return (
                f"The rows were drawn at random although they have times in {name}: on rows that come later it may "
                "do worse, which a test on later rows would show."
            )
        return (
            f"The rows were drawn at random although several share a value of {name}: for new values it may do "
            "worse, which a test on whole groups would show."
        )

    @property
    def _copies(self) -> str:
        copies = self.duplicates
        if copies.groups is None or copies.n_copies < MANY_COPIES * max(self.n_rows, 1):
            return ""
        kept = "they were kept on one side of the test, but " if copies.are_kept_together else ""
        return f"{copies.n_copies:,} rows are copies of others; {kept}they count more than once in training."
