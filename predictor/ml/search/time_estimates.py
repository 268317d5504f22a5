"""What the end of a run will take, from what was measured on the folds.

The budget is kept by knowing before: a search that goes on until the last second leaves nothing for the final
fits, the export and the report, and a final fit that is killed has taken its time for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .leaderboard import Outcome

# A fit takes this share of what a fold takes for its rows: nothing is scored on the way, and a part of the time
# (for each tree, whatever it is grown on) does not grow with the rows. Measured: 0.5 to 0.75.
GROWTH_SHARE = 0.75
# Of what a fold takes, with all its stages: half, a quarter and an eighth of its rows, and what does not shrink.
CURVE_SHARE = 1.0
# Writing, compiling and comparing what was fitted: seconds for each byte of it (measured on forests of 20 MB).
SECONDS_PER_BYTE = 0.12e-6
# Candidates that a blend is likely to have, while the search still goes on: so many, no worse than this.
LIKELY_MEMBERS = 4
LIKELY_SHARE = 1.05


@dataclass(frozen=True)
class Costs:
    """How many rows the fits of a fold, of the judging and of the publishing have; how many run at once."""

    n_fold: int
    n_development: int
    n_all: int
    n_slots: int
    n_folds: int = 1

    def fit_all(self, outcome: Outcome) -> float:
        """Seconds to fit on all rows."""
        return outcome.fold_seconds * GROWTH_SHARE * self._growth(outcome, self.n_all)

    def fit_development(self, outcome: Outcome) -> float:
        return outcome.fold_seconds * GROWTH_SHARE * self._growth(outcome, self.n_development)

    def write(self, outcome: Outcome) -> float:
        """Seconds to export, compare and write."""
        return (outcome.entry.size_bytes or 0) * self._growth(outcome, self.n_all) * SECONDS_PER_BYTE

    def end(self, outcomes: Iterable[Outcome]) -> float:
        """Seconds for these members together: judged and published, side by side when there are slots."""
        outcomes = list(outcomes)
        publish = sum(self.fit_all(each) + self.write(each) for each in outcomes)
        judge = sum(self.fit_development(each) for each in outcomes)
        return publish + judge if self.n_slots == 1 else max(publish, judge)

    def likely_end(self, outcomes: Iterable[Outcome]) -> float:
        """As `end`, for what is best so far."""
        ordered = sorted(outcomes, key=lambda each: each.entry.score or 0.0)[:LIKELY_MEMBERS]
        limit = LIKELY_SHARE * (ordered[0].entry.score or 0.0) if ordered else 0.0
        return self.end(each for each in ordered if (each.entry.score or 0.0) <= limit)

    def curve(self, outcome: Outcome) -> float:
        """Seconds to fit on an eighth, a quarter and half of one fold's rows, as learning_curve.py does."""
        return CURVE_SHARE * outcome.entry.fit_seconds / max(self.n_folds, 1)

    def _growth(self, outcome: Outcome, n_rows: int) -> float:
        most = outcome.candidate.info.max_rows or n_rows
        return min(n_rows, most) / max(min(self.n_fold, most), 1)
