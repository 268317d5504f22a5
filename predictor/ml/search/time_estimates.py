"""Cost model: the seconds that the final stage of a run will take, estimated from the fits on the folds.

The search has to end early enough. One that uses the whole budget leaves no time for the final fits, the export and
the report; and a final fit that is killed has wasted its time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .leaderboard import Outcome

# Seconds per row of a final fit, as a share of those of a fold: nothing is scored, and a part of the time (a fixed
# cost for each tree) does not grow with the rows. Measured: 0.5 to 0.75.
GROWTH_SHARE = 0.75
# Seconds of a learning curve, as a share of those of the fold: 7/8 for the rows, the rest for fixed costs.
CURVE_SHARE = 1.0
# Seconds to export, compare and write each byte of a fitted model (measured on forests of 20 MB).
SECONDS_PER_BYTE = 0.12e-6
# The blend that is expected while the search runs: at most so many members, no worse than the best by this factor.
LIKELY_MEMBERS = 4
LIKELY_SHARE = 1.05


@dataclass(frozen=True)
class TimeEstimates:
    """Estimates in seconds, from the rows of a fold, of the evaluation and of the final fit, and the parallel fits."""

    n_fold: int
    n_development: int
    n_all: int
    n_slots: int
    n_folds: int = 1

    def fit_all(self, outcome: Outcome) -> float:
        """Seconds to fit on all rows."""
        return outcome.fold_seconds * GROWTH_SHARE * self._growth(outcome, self.n_all)

    def at_least(self, fold_seconds: float) -> float:
        """Seconds of the final fits of a candidate whose slowest fold took so long."""
        seconds = fold_seconds * GROWTH_SHARE * self.n_all / max(self.n_fold, 1)
        return 2 * seconds if self.n_slots == 1 else seconds

    def fit_development(self, outcome: Outcome) -> float:
        return outcome.fold_seconds * GROWTH_SHARE * self._growth(outcome, self.n_development)

    def write(self, outcome: Outcome) -> float:
        """Seconds to export, compare and write."""
        return (outcome.entry.size_bytes or 0) * self._growth(outcome, self.n_all) * SECONDS_PER_BYTE

    def end(self, outcomes: Iterable[Outcome]) -> float:
        """Seconds to evaluate and package these members; both at once when there is more than one slot."""
        outcomes = list(outcomes)
        publish = sum(self.fit_all(each) + self.write(each) for each in outcomes)
        judge = sum(self.fit_development(each) for each in outcomes)
        return publish + judge if self.n_slots == 1 else max(publish, judge)

    def likely_end(self, outcomes: Iterable[Outcome]) -> float:
        """As `end`, for the members of the expected blend."""
        ordered = sorted(outcomes, key=lambda each: each.entry.score or 0.0)[:LIKELY_MEMBERS]
        limit = LIKELY_SHARE * (ordered[0].entry.score or 0.0) if ordered else 0.0
        return self.end(each for each in ordered if (each.entry.score or 0.0) <= limit)

    def curve(self, outcome: Outcome) -> float:
        """Seconds of the learning curve on one fold: fits on an eighth, a quarter and half of its rows."""
        return CURVE_SHARE * outcome.entry.fit_seconds / max(self.n_folds, 1)

    def _growth(self, outcome: Outcome, n_rows: int) -> float:
        most = outcome.candidate.info.max_rows or n_rows
        return min(n_rows, most) / max(min(self.n_fold, most), 1)
