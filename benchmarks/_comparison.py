"""Compares methods over tables: ranks, pairwise differences with intervals, and tests on each table.

The loss of a method on a row is its log-loss, or its squared error as a share of the variance of the target (1 - R²
on average), so that tables weigh alike. Differences over tables are ratios of mean losses, on the logarithmic scale.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[Any]
# {table: {method: the losses of the test rows of each split}}
Losses = Mapping[str, Mapping[str, Sequence[Array]]]
N_RESAMPLES, SEED, LEVEL = 4_000, 0, 0.95
# A bootstrap over fewer tables says nothing.
LEAST_TABLES = 5
# Added to both losses of a ratio: where both are almost zero, their ratio says nothing.
SMALLEST = 0.001


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval; without limits where there is too little to say one."""

    mean: float
    low: float | None = None
    high: float | None = None

    @property
    def verdict(self) -> str:
        """What it says of a difference of losses."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return "no clear difference"
        return "better" if self.high < 0 else "worse"

    def __str__(self) -> str:
        shown = f"{self.mean:+.1f} %"
        return shown if self.low is None else f"{shown} [{self.low:+.1f}, {self.high:+.1f}]"

    def to_json(self) -> list[float | None]:
        return [self.mean, self.low, self.high]


def ranks(losses: Losses, methods: Sequence[str]) -> dict[str, Interval]:
    """Mean rank of each method over the tables, with the interval of a bootstrap over tables; ties share ranks."""
    means = [[_mean(table[method]) for method in methods] for table in losses.values()]
    ranked = np.array([stats.rankdata(np.round(row, 4)) for row in means])
    return {method: _bootstrapped(ranked[:, place]) for place, method in enumerate(methods)}


def ratio(losses: Losses, ours: str, peer: str) -> Interval:
    """Mean difference of our loss and the peer's in percent of the peer's, by a bootstrap over tables."""
    logs = np.array([_log_ratio(table[ours], table[peer]) for table in losses.values()])
    found = _bootstrapped(logs)
    limits = [None if each is None else 100 * math.expm1(each) for each in (found.low, found.high)]
    return Interval(100 * math.expm1(found.mean), *limits)


def difference(ours: Sequence[Array], peer: Sequence[Array], share_tested: float) -> Interval:
    """Our mean loss less the peer's on one table, in percent of the peer's, with a paired interval.

    One split: over the test rows. Several: over the splits, whose variance is corrected for the rows that they share
    (Nadeau and Bengio, "Inference for the generalization error", 2003).
    """
    scale = 100 / (_mean(peer) + SMALLEST)
    if len(ours) == 1:
        each = scale * (ours[0] - peer[0])
        error, n = each.std(ddof=1) / math.sqrt(len(each)), len(each)
    else:
        each = np.array([scale * (a.mean() - b.mean()) for a, b in zip(ours, peer, strict=True)])
        n = len(each)
        error = each.std(ddof=1) * math.sqrt(1 / n + share_tested / (1 - share_tested))
    width = float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * error)
    mean = float(each.mean())
    return Interval(mean, mean - width, mean + width)


def _mean(splits: Sequence[Array]) -> float:
    return float(np.mean([split.mean() for split in splits]))


def _log_ratio(ours: Sequence[Array], peer: Sequence[Array]) -> float:
    return math.log((_mean(ours) + SMALLEST) / (_mean(peer) + SMALLEST))


def _bootstrapped(values: Array) -> Interval:
    if len(values) < LEAST_TABLES:
        return Interval(float(values.mean()))
    rng = np.random.default_rng(SEED)
    means = values[rng.integers(0, len(values), (N_RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(values.mean()), float(low), float(high))


def report(
    losses: Losses,
    shares_tested: Mapping[str, float],
    found: Mapping[str, Mapping[str, Mapping[str, Any]]],
    ours: str,
    peers: Sequence[str],
) -> dict[str, Any]:
    """Print ranks, differences and costs over all tables, and return them for JSON."""
    document: dict[str, Any] = {"ranks": {}, "differences": {}, "tables": {}}
    everywhere = {name: each for name, each in losses.items() if all(m in each for m in (ours, *peers))}
    if everywhere:
        print(
            f"\nmean rank by loss over {len(everywhere)} tables with a result of all methods (95 % interval)"
        )
        for method, rank in sorted(ranks(everywhere, [ours, *peers]).items(), key=lambda item: item[1].mean):
            limits = "" if rank.low is None else f" [{rank.low:.2f}, {rank.high:.2f}]"
            print(f"  {rank.mean:5.2f}{limits}  {method}")
            document["ranks"][method] = rank.to_json()
    print(f"\nloss of {ours} less that of the peer, in percent of the peer's (95 % interval over tables)")
    for peer in peers:
        both = {name: each for name, each in losses.items() if ours in each and peer in each}
        if both:
            mean, each = ratio(both, ours, peer), _by_table(both, shares_tested, ours, peer)
            _print_pair(peer, mean, each)
            document["differences"][peer] = mean.to_json()
            document["tables"][peer] = {name: interval.to_json() for name, interval in each.items()}
    _print_costs(found, [ours, *peers])
    return document


def _by_table(
    losses: Losses, shares_tested: Mapping[str, float], ours: str, peer: str
) -> dict[str, Interval]:
    return {name: difference(each[ours], each[peer], shares_tested[name]) for name, each in losses.items()}


def _print_pair(peer: str, mean: Interval, tables: Mapping[str, Interval]) -> None:
    counts = {
        verdict: sum(each.verdict == verdict for each in tables.values())
        for verdict in ("better", "no clear difference", "worse")
    }
    said = ", ".join(f"{verdict} on {count}" for verdict, count in counts.items())
    print(f"  {peer:18} {mean}: {mean.verdict}; {said} of {len(tables)} tables")
    for name, each in tables.items():
        if each.verdict == "worse":
            print(f"    worse than {peer} on {name}: {each}")


def _print_costs(found: Mapping[str, Mapping[str, Mapping[str, Any]]], methods: Sequence[str]) -> None:
    print("\nmedians over tables      seconds   largest        MB   µs a row")
    for method in methods:
        each = [table[method] for table in found.values() if "seconds" in table.get(method, {})]
        if each:
            seconds, size, speed = (
                [values[name] for values in each] for name in ("seconds", "size_bytes", "us_per_row")
            )
            print(
                f"  {method:20} {np.median(seconds):9.1f} {max(seconds):9.1f} {np.median(size) / 1e6:9.2f} "
                f"{np.median(speed):10.1f}"
            )
