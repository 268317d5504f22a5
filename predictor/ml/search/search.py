"""Model search: cross-validate candidates on shared folds, within the time budget."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..execution.child_processes import Children, ChildResult
from ..execution.progress import Clock, Reporter
from ..execution.slowdown import MAX_SLOWDOWN
from ..metrics.row_weights import part
from ..metrics.scores import selection_score
from ..pipelines.candidate import Candidate
from ..validation.splits import Split, split_rows
from ..validation.training_table import TrainingTable
from .checkpoints import Checkpoints, FoldFit
from .fold_fitting import fit_fold
from .leaderboard import Entry, Outcome, entry_for, outcome_of, ranked
from .time_estimates import TimeEstimates

# In later rounds, a candidate is dropped after its first fold when it is worse than the best by this share.
HOPELESS = {"log_loss": 0.15, "rmse": 0.15}
# On fewer rows than these, one fold says little and takes little time: the share is larger.
SURE_ROWS, HOPELESS_ON_FEW_ROWS = 2_000, 0.5
# A staged fit ends itself after this share of its timeout, so that it need not be killed.
OWN_SHARE = 0.8
# Importance, baselines and the report take about this long on an idle machine, in addition to the fits of the members.
FINISH_SECONDS = 1.1
FINISH_SHARE = 0.06
# The final fits have this share of the budget, and this time, also when the search has used it up.
LEAST_FIT_SHARE, LEAST_FIT_SECONDS = 0.1, 1.0
# From so many seconds of computing on, the fits tell how busy the machine is.
TELLING_SECONDS = 0.3
# Where candidates are compared on a sample, the final fits end within this share of the budget: on fewer rows or with
# fewer rounds if need be.
FINAL_SHARE = 0.4
# What progress says at most before the end.
NEARLY = 0.99
# Time is reserved for the learning curve only when it takes no more than this share of the budget.
CURVE_SHARE = 0.05
MIN_SECONDS = 0.2
# A candidate is not started when less than this share of its expected seconds is left.
LEAST_SHARE = 0.7
# A candidate that can be ended has so much less time in its later folds before it is dropped.
LEAST_CUT_SHARE = 0.4


@dataclass
class Search:
    """Fits candidates fold by fold in child processes that can be killed.

    `outcomes`: the finished candidates by key. `entries`: the lines of the leaderboard by key, failed ones included.
    `slowdown`: the seconds that a second of computing took at the start, more than 1 when other work keeps the
    processors busy, or when a disk is slow.
    `is_whole`: the final fit is on all rows, whatever it takes; a candidate is not dropped because of the time, but
    compared on the folds that ended.
    """

    table: TrainingTable
    split: Split
    checkpoints: Checkpoints
    children: Children
    clock: Clock
    reporter: Reporter
    seed: int
    slowdown: float = 1.0
    is_whole: bool = False
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    is_budget_limited: bool = False
    _fits: dict[str, dict[int, FoldFit]] = field(default_factory=dict)
    _message: str = ""

    def __post_init__(self) -> None:
        self.children.on_wait = self._tell_again
        # Positions of each fold's scoring rows among all that are scored, for out-of-fold predictions.
        scored = self.split.scored
        self.y = self.table.target.y[scored]
        self.weights = part(self.table.target.weights, scored)
        self.places = [np.searchsorted(scored, score) for _, score in self.split.folds]
        # Costs are those of the largest fold; in a split by time, the folds grow.
        n_fold = max(len(fit) for fit, _ in self.split.folds)
        self.costs = TimeEstimates(
            n_fold,
            len(self.split.development),
            len(self.table),
            self.children.n_slots,
            len(self.split.folds),
        )

    @property
    def remaining(self) -> float:
        """Seconds left for searching; the time of later steps is reserved."""
        return self.seconds_until_finish - self.curve_seconds

    @property
    def seconds_until_finish(self) -> float:
        """Seconds until the final fits of the expected members have to start."""
        return self.clock.remaining - self.finish_seconds - self._end_seconds

    @property
    def curve_seconds(self) -> float:
        """Seconds reserved for the learning curve of the best candidate, one round of folds; 0 when it is expensive."""
        if not self.outcomes:
            return 0.0
        best = min(self.outcomes.values(), key=lambda each: each.entry.score or np.inf)
        seconds = 1.2 * self.costs.curve(best)
        return seconds if seconds <= CURVE_SHARE * self.clock.budget_seconds else 0.0

    @property
    def _end_seconds(self) -> float:
        """Seconds reserved for the final fits."""
        seconds = self.costs.likely_end(self.outcomes.values())
        return min(seconds, FINAL_SHARE * self.clock.budget_seconds) if self.split.is_sampled else seconds

    @property
    def finish_seconds(self) -> float:
        """Seconds reserved for the export, the parity gate and the report; more on a busy machine."""
        budget = self.clock.budget_seconds
        return min(FINISH_SECONDS * self.pace + FINISH_SHARE * budget, 0.5 * budget)

    @property
    def pace(self) -> float:
        """The seconds that a second of computing takes: as the fits so far tell, else as at the start.

        A start that waited for the disk says nothing of the end: half of the budget would be reserved for a second.
        """
        children = self.children
        if children.cpu_seconds < TELLING_SECONDS:
            return self.slowdown
        return min(max(children.wall_seconds / children.cpu_seconds, 1.0), MAX_SLOWDOWN)

    @property
    def fit_seconds(self) -> float:
        """Seconds for the final fits, at least a little when the search has used up the time."""
        least = max(LEAST_FIT_SHARE * self.clock.budget_seconds, LEAST_FIT_SECONDS)
        return max(self.clock.remaining - self.finish_seconds, least)

    def tell(self, message: str) -> None:
        """Report what is done now. The fraction is the share of the budget that has passed."""
        self._message = message
        self._tell_again()

    def _tell_again(self) -> None:
        share = min(self.clock.elapsed / self.clock.budget_seconds, NEARLY)
        self.reporter.progress(share, self._message)

    def shrunk(self, n_rows: int, extra_seconds: float) -> Search:
        """A new search on at most `n_rows` development rows, with `extra_seconds` from now."""
        return replace(
            self,
            split=self._smaller_split(n_rows),
            checkpoints=self.checkpoints.subfolder("small"),
            clock=Clock(self.clock.started_at, self.clock.elapsed + extra_seconds),
            outcomes={},
            entries={},
            is_budget_limited=True,
            _fits={},
        )

    def on_finished_folds(self, candidate: Candidate) -> Search:
        """A search on the folds that ended, in which the candidate is fitted; this one when none has."""
        fits, n_folds = self._fits.get(candidate.key, {}), 0
        while n_folds in fits:
            n_folds += 1
        if not n_folds:
            return self
        smaller = replace(
            self,
            split=replace(self.split, folds=self.split.folds[:n_folds]),
            outcomes={},
            entries={},
            is_budget_limited=True,
            _fits={},
        )
        for fold in range(n_folds):
            smaller._keep(candidate, fold, fits[fold], {})
        return smaller

    def _smaller_split(self, n_rows: int) -> Split:
        """Fewer of the development rows, in two folds."""
        development = self.split.development
        smaller = split_rows(
            self.table.target.rows(development),
            seed=self.seed,
            holdout_share=0.2,
            n_folds=2,
            max_search_rows=n_rows,
            layout=self.split.layout.rows(development),
        )
        folds = tuple((development[fit], development[score]) for fit, score in smaller.folds)
        return replace(self.split, search=development[smaller.search], folds=folds)

    @property
    def is_over(self) -> bool:
        """Whether the time for searching has ended."""
        return self.remaining <= MIN_SECONDS

    def run(self, candidates: Sequence[Candidate], *, is_pruned: bool) -> None:
        """Fit the candidates in this order, all of them or as many as the time allows.

        Those that cannot obey the monotone columns of the table, or not weight its rows, are left out.
        """
        if self.table.monotone:
            candidates = [each for each in candidates if each.info.can_be_monotone]
        if self.table.target.weights is not None:
            candidates = [each for each in candidates if each.info.can_be_weighted]
        rivals = dict(self.outcomes) if is_pruned else {}
        waiting = deque((each, fold) for each in candidates for fold in range(len(self.split.folds)))
        running: dict[str, tuple[Candidate, int]] = {}
        while waiting or running:
            while waiting and self.children.has_slot:
                candidate, fold = waiting.popleft()
                if self._needs_fit(candidate, fold, rivals):
                    self._start(candidate, fold, running)
            if not self.children.is_idle:
                ended = self.children.wait()
                # Baselines run in the same children; their results are read later from the checkpoints.
                if ended.key in running:
                    self._finish_fold(*running.pop(ended.key), ended, rivals)

    def leaderboard(self) -> list[Entry]:
        return ranked(self.entries.values())

    def _needs_fit(self, candidate: Candidate, fold: int, rivals: dict[str, Outcome]) -> bool:
        """Whether this fold has to be fitted. A fit that an earlier process finished is taken from its checkpoint."""
        if candidate.key in self.entries:
            return False
        stored = self.checkpoints.load(f"{candidate.key}-{fold}")
        if stored is not None:
            self._keep(candidate, fold, stored, rivals)
            return False
        fits = self._fits.get(candidate.key, {})
        if not fits and self.remaining <= max(MIN_SECONDS, LEAST_SHARE * self._expected(candidate)):
            # Candidates that were never started are left out of the leaderboard.
            self.is_budget_limited = True
            return False
        if fits:
            slowest = max(fit.fit_seconds for fit in fits.values())
            needed = slowest * np.ceil((len(self.split.folds) - fold) / self.children.n_slots)
            if self.is_whole:
                if needed + self.costs.at_least(slowest) > self.remaining:
                    self.is_budget_limited = True
                    return False
            elif needed * (LEAST_CUT_SHARE if candidate.is_staged else 1.0) > self.remaining:
                self._drop(candidate, "stopped", "its folds would not end in time", is_limit=True)
                return False
        return True

    def _expected(self, candidate: Candidate) -> float:
        """Expected seconds for all folds of a new candidate: the median of its estimator, else the fastest outcome."""
        same = [each for each in self.entries.values() if each.estimator == candidate.estimator]
        same_seconds = sorted(each.fit_seconds for each in same if each.fit_seconds)
        all_seconds = [each.entry.fit_seconds for each in self.outcomes.values()]
        seconds = same_seconds[len(same_seconds) // 2] if same_seconds else min(all_seconds, default=0.0)
        return seconds / min(self.children.n_slots, len(self.split.folds))

    def _start(self, candidate: Candidate, fold: int, running: dict[str, tuple[Candidate, int]]) -> None:
        key = f"{candidate.key}-{fold}"
        self.tell(f"Fitting {candidate.title}, fold {fold + 1} of {len(self.split.folds)}")
        share = 1.0 if self.is_whole else candidate.share * self.children.n_slots / len(self.split.folds)
        limit = self.clock.budget_seconds * share
        timeout = min(limit, max(self.remaining, 0.1))
        own_limit = OWN_SHARE * timeout
        if not self.is_whole:
            # All folds have to end in the time that is left: with fewer rounds, a candidate need not be dropped.
            n_left = np.ceil((len(self.split.folds) - fold) / self.children.n_slots)
            own_limit = min(own_limit, OWN_SHARE * max(self.remaining, 0.1) / n_left)

        def work() -> None:
            fit, score = (self.table.rows(rows) for rows in self.split.folds[fold])
            self.checkpoints.save(key, fit_fold(candidate, fit, score, seed=self.seed, max_seconds=own_limit))

        running[key] = (candidate, fold)
        self.children.start(key, work, timeout)

    def _finish_fold(
        self, candidate: Candidate, fold: int, ended: ChildResult, rivals: dict[str, Outcome]
    ) -> None:
        if candidate.key in self.entries:
            return
        fit = self.checkpoints.load(f"{candidate.key}-{fold}") if ended.status == "done" else None
        if fit is not None:
            self._keep(candidate, fold, fit, rivals)
        elif self.is_whole and ended.status == "timed out" and self._fits.get(candidate.key):
            self.is_budget_limited = True
        else:
            self._drop(candidate, ended.status, ended.note, is_limit=ended.status == "timed out")

    def _keep(self, candidate: Candidate, fold: int, fit: FoldFit, rivals: dict[str, Outcome]) -> None:
        fits = self._fits.setdefault(candidate.key, {})
        fits[fold] = fit
        self.is_budget_limited = self.is_budget_limited or fit.is_cut
        if len(fits) == len(self.split.folds):
            ordered = [fits[number] for number in range(len(fits))]
            outcome = outcome_of(candidate, self.table.task, self.y, self.places, ordered, self.weights)
            if outcome.entry.score is None:
                self._drop(candidate, "failed", "its predictions are not finite numbers")
                return
            self.outcomes[candidate.key] = outcome
            self._tell(outcome.entry)
            del self._fits[candidate.key]
        elif fold == 0 and rivals and self._is_hopeless(fit, rivals):
            self._drop(candidate, "stopped", "far behind after its first fold")

    def _is_hopeless(self, fit: FoldFit, rivals: dict[str, Outcome]) -> bool:
        """Compare with earlier rounds only, on the same rows, so that the result does not depend on speed."""
        rows, task = self.places[0], self.table.task
        y, weights = self.y[rows], part(self.weights, rows)
        best = min(selection_score(task, y, each.predictions[rows], weights) for each in rivals.values())
        own = min(selection_score(task, y, stage, weights) for stage in fit.predictions)
        share = HOPELESS["log_loss" if task.is_classification else "rmse"]
        return own > best * (1 + (share if len(self.y) >= SURE_ROWS else HOPELESS_ON_FEW_ROWS))

    def _drop(self, candidate: Candidate, status: str, note: str, is_limit: bool = False) -> None:
        self.is_budget_limited = self.is_budget_limited or is_limit
        seconds = sum(fit.fit_seconds for fit in self._fits.pop(candidate.key, {}).values())
        self._tell(entry_for(candidate, self.table.task, status=status, note=note, fit_seconds=seconds))

    def _tell(self, entry: Entry) -> None:
        self.entries[entry.key] = entry
        board = [each.to_json() for each in self.leaderboard()]
        self.reporter.emit("candidate", candidate=entry.to_json(), leaderboard=board)
