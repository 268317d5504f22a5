"""Advice on model choice, in sentences: what Auto tries on such a table and why, and what its leaderboard shows.

Imports only the standard library and the catalogue: the train page shows it, and must not load scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..types.schema import Task
from . import portfolio
from .portfolio import TableFacts

# Below FEW_ROWS, a simple model is hard to beat; above MANY_ROWS, the search uses a sample.
FEW_ROWS, MANY_ROWS = 1_000, 100_000
# Scores that differ by less than this share count as equal.
CLOSE = 0.01
KINDS = {
    Task.REGRESSION: "a number",
    Task.BINARY: "one of two classes",
    Task.MULTICLASS: "one of several classes",
}
Entry = Mapping[str, Any]


@dataclass(frozen=True)
class AdvisedCandidate:
    """One candidate of Auto and why it is tried."""

    title: str
    why: str


@dataclass(frozen=True)
class Advice:
    """Sentences about the table, and the candidates in the order in which Auto tries them."""

    sentences: tuple[str, ...]
    candidates: tuple[AdvisedCandidate, ...]


def advise(facts: TableFacts, *, is_monotone: bool = False) -> Advice:
    """Advice for a table before any training. `is_monotone`: without candidates that cannot obey monotone columns."""
    every = (*portfolio.anchors(facts), *portfolio.second_round(facts, {}))
    by_key = {each.key: each for each in every if each.info.can_be_monotone or not is_monotone}
    candidates = tuple(AdvisedCandidate(each.title, each.why) for each in by_key.values())
    return Advice(tuple(_about(facts)), candidates)


def _about(facts: TableFacts) -> list[str]:
    numbers = facts.n_features - facts.n_categories - facts.n_texts
    parts = [(numbers, "number or date"), (facts.n_categories, "category"), (facts.n_texts, "free text")]
    listed = ", ".join(f"{n} {_plural(word, n)}" for n, word in parts if n)
    features = f"{facts.n_features} {_plural('feature', facts.n_features)}"
    sentences = [f"The answer is {KINDS[facts.task]}, from {features} ({listed}) in {facts.n_rows:,} rows."]
    if facts.n_rows < FEW_ROWS:
        sentences.append(
            "That is few rows: linear models and boosting with small trees are hard to beat, "
            "and the scores of the candidates differ by chance, too. Auto judges them on five folds and blends."
        )
    elif facts.n_rows > MANY_ROWS:
        sentences.append(
            "That is many rows: boosting learns most from them. Candidates are compared on a sample that fits "
            "the budget; what is chosen is fitted on all rows."
        )
    else:
        sentences.append(
            "For a table of this size, boosting is most often best, and a blend a little better."
        )
    if facts.n_texts:
        sentences.append(
            "Free text is used by the words in it: how often each of the 200 most frequent occurs."
        )
    if facts.n_features > facts.n_rows / 10:
        sentences.append("There are many features for so few rows: models that keep weights small do better.")
    sentences.append(
        "Choose a single estimator when it has to be small, quick or explained by its weights; else choose Auto."
    )
    return sentences


def findings(leaderboard: Sequence[Entry]) -> list[str]:
    """Findings about the table from the leaderboard; none with fewer than two finished candidates."""
    done = [entry for entry in leaderboard if entry.get("status") == "done" and _score(entry) > 0]
    if len(done) < 2:
        return []
    best = min(done, key=_score)
    kept = [entry for entry in done if entry.get("weight")]
    sentences = [f"Of {len(done)} candidates, {best['title']} was the best alone."]
    if len(kept) > 1:
        sentences.append(f"A blend of {len(kept)} was better still, since their errors differ; it was kept.")
    by_key = {str(entry["key"]): entry for entry in done}
    linear = by_key.get("logistic") or by_key.get("ridge")
    if linear is not None:
        sentences.append(_about_linear(by_key, linear, best))
    sentences += _about_log(by_key) + _about_interactions(by_key) + _about_outliers(by_key, linear)
    return sentences


def _about_linear(by_key: Mapping[str, Entry], linear: Entry, best: Entry) -> str:
    linear = min(linear, by_key.get(f"{linear['key']}-bent", linear), key=_score)
    behind = _score(linear) / _score(best) - 1
    if behind < CLOSE:
        return f"{linear['title']} does as well as any: a weighted sum of the features is enough here."
    return (
        f"{linear['title']} is {behind:.0%} behind: a weighted sum misses a part of what the features tell."
    )


def _about_log(by_key: Mapping[str, Entry]) -> list[str]:
    plain, logged = by_key.get(portfolio.NATIVE_KEY), by_key.get(portfolio.LOGGED_KEY)
    if plain is None or logged is None:
        return []
    if _score(logged) < _score(plain):
        return ["The target has a long upper tail, and learning its logarithm paid."]
    return ["The target has a long upper tail, but learning its logarithm did not pay."]


def _about_interactions(by_key: Mapping[str, Entry]) -> list[str]:
    alone, together = by_key.get("boosting-additive"), by_key.get("boosting-small")
    if alone is None or together is None:
        return []
    behind = _score(alone) / _score(together) - 1
    if behind > CLOSE:
        return [f"Features act together: trees that see one feature each are {behind:.0%} behind."]
    return ["Features act on their own: trees that see one feature each do as well."]


def _about_outliers(by_key: Mapping[str, Entry], linear: Entry | None) -> list[str]:
    bent = by_key.get(f"{linear['key']}-bent") if linear is not None else None
    if linear is None or bent is None or _score(bent) > _score(linear) * (1 - CLOSE):
        return []
    return ["Some numbers lie far off: the linear model was better when such outliers were compressed."]


def _score(entry: Entry) -> float:
    return float(entry.get("score") or 0.0)


def _plural(word: str, n: int) -> str:
    if n == 1:
        return word
    return {"category": "categories", "number or date": "numbers or dates", "free text": "free texts"}.get(
        word, f"{word}s"
    )
