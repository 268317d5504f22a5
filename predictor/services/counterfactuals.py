"""What would have to change for another answer: a search over a version's training values.

Nothing here is logged: these rows describe nobody, they are tried.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, InvalidRows, MlwebError, listed, shown
from ..ml.types.schema import Scalar, Signature, canonical_text
from . import examples, registry, serving
from .admission import admitted, check_time
from .answers import Prediction, answers

if TYPE_CHECKING:
    from ..ml.explanation.counterfactuals import Counterfactual, Goal
    from ..ml.explanation.nearest_examples import Examples
    from ..ml.inputs.row_checker import CheckedRows
    from ..models import RegisteredModel
    from .serving import Served

MAX_FOUND = 20
DEFAULT_FOUND = 5


@dataclass(frozen=True)
class Wanted:
    """The answer that is wanted: a class by its label, or a value from `at_least`, or up to `at_most`."""

    label: Scalar = None
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class Change:
    """One column, from what it is to what it would have to be."""

    column: str
    old: Scalar
    new: Scalar


@dataclass(frozen=True)
class Hint:
    """Changes after which the version gives the wanted answer, which is `prediction`."""

    changes: tuple[Change, ...]
    row: Mapping[str, Any]
    prediction: Prediction
    distance: float


@dataclass(frozen=True)
class Hints:
    """`message` says in a sentence what was found, or that nothing was. `is_there` when nothing need change."""

    model: str
    version: int
    prediction: Prediction
    is_there: bool
    hints: tuple[Hint, ...]
    n_evaluated: int
    message: str


@admitted
def find(
    *,
    registered_model: RegisteredModel,
    row: Mapping[str, Any],
    wanted: Wanted,
    version: int | str | None = None,
    locked: Sequence[str] = (),
    n: int = DEFAULT_FOUND,
) -> Hints:
    """The smallest changes of the row, in columns that are not locked, that give the wanted answer.

    Every hint was sent through the same checks and the same version as any row, and got the wanted answer.
    Raises NotFound, NotServable, InvalidRows, InvalidInput, Busy, TookTooLong.
    """
    if not 1 <= n <= MAX_FOUND:
        raise InvalidInput(f"Ask for 1 to {MAX_FOUND} counterfactuals; got {n}.", limit=MAX_FOUND)
    chosen = registry.serving_version(registered_model, version)
    served = serving.served(chosen)
    goal = goal_of(wanted, served.signature)
    _check_locked(locked, served.signature)
    stored = examples.examples_of(chosen)
    checked = served.checker.check([row])
    (now,) = answers(served, checked)
    if now.error:
        raise InvalidRows(now.error)
    is_there = _is_met(now, wanted, goal, served.signature)
    found, n_evaluated = ((), 0) if is_there else _search(served, stored, checked, goal, locked, n)
    check_time()
    hints = tuple(hint for each in found if (hint := _tried(served, row, checked, each, wanted, goal)))
    return Hints(
        model=registered_model.slug,
        version=chosen.number,
        prediction=now,
        is_there=is_there,
        hints=hints,
        n_evaluated=n_evaluated,
        message=_sentence(is_there, hints, n_evaluated, locked),
    )


def goal_of(wanted: Wanted, signature: Signature) -> Goal:
    """Raises InvalidInput for an answer that this version cannot give."""
    from ..ml.explanation.counterfactuals import Goal

    if not signature.task.is_supervised:
        raise InvalidInput(
            "What would have to change is told for classification and regression; "
            f"the task of this version is {shown(signature.task.value)}."
        )
    ends = [each for each in (wanted.at_least, wanted.at_most) if each is not None]
    if signature.classes:
        if wanted.label is None or ends:
            raise InvalidInput(
                f"Say which class is wanted; {shown(signature.subject)} is one of {listed(signature.classes)}."
            )
        names = [str(canonical_text(each)) for each in signature.classes]
        name = str(canonical_text(wanted.label))
        if name not in names:
            raise InvalidInput(f"There is no class {shown(name)}; wanted may be {listed(names)}.")
        return Goal(code=names.index(name))
    if wanted.label is not None or len(ends) != 1:
        raise InvalidInput(
            "Say either from which value on (at_least) or up to which one (at_most) is wanted."
        )
    if not math.isfinite(ends[0]):
        raise InvalidInput("The wanted value has to be a finite number.")
    return Goal(at_least=wanted.at_least, at_most=wanted.at_most)


def _check_locked(locked: Sequence[str], signature: Signature) -> None:
    if unknown := sorted(set(locked) - set(signature.names)):
        raise InvalidInput(f"The model has no column {listed(unknown)} that could be locked.")


def _search(
    served: Served,
    stored: Examples,
    checked: CheckedRows,
    goal: Goal,
    locked: Sequence[str],
    n: int,
) -> tuple[Sequence[Counterfactual], int]:
    from ..ml.explanation import counterfactuals

    roles = {field.name: field.role for field in served.signature.fields}
    candidates = counterfactuals.candidates_of(stored, checked.columns, locked, roles)
    predictor = served.predictor
    found = counterfactuals.search(
        predictor.predict, predictor.threshold, checked.columns, candidates, goal, n_wanted=n
    )
    return found.counterfactuals, found.n_evaluated


def _tried(
    served: Served,
    row: Mapping[str, Any],
    checked: CheckedRows,
    found: Counterfactual,
    wanted: Wanted,
    goal: Goal,
) -> Hint | None:
    """The hint as callers would send it, if it holds then as well: a lone row may differ in the last digit."""
    from ..ml.explanation.nearest_examples import scalar_of

    fields = {field.name: field for field in served.signature.fields}
    changes = tuple(
        Change(name, scalar_of(fields[name], checked.columns[name][0]), scalar_of(fields[name], cell))
        for name, cell in found.cells.items()
    )
    changed = {**row, **{each.column: each.new for each in changes}}
    try:
        (prediction,) = answers(served, served.checker.check([changed]))
    except MlwebError:
        return None
    if prediction.error or not _is_met(prediction, wanted, goal, served.signature):
        return None
    return Hint(changes, changed, prediction, round(found.distance, 4))


def _is_met(prediction: Prediction, wanted: Wanted, goal: Goal, signature: Signature) -> bool:
    """By what is answered, not by what was computed on the way."""
    if goal.code is not None:
        return prediction.prediction == signature.classes[goal.code]
    value = float(prediction.prediction)  # type: ignore[arg-type]
    return value >= wanted.at_least if wanted.at_least is not None else value <= float(wanted.at_most)  # type: ignore[arg-type]


def _sentence(is_there: bool, hints: Sequence[Hint], n_evaluated: int, locked: Sequence[str]) -> str:
    if is_there:
        return "The answer is the wanted one already; nothing has to change."
    if not hints:
        but = f", with {listed(locked)} locked," if locked else ""
        return (
            f"No change of one column or of two{but} was found among {n_evaluated:,} that were tried: "
            "with values that training saw, the version keeps to its answer."
        )
    n_columns = len(hints[0].changes)
    enough = "Changing one column is enough" if n_columns == 1 else "No single column is enough, but two are"
    return f"{enough}. The smallest change stands first ({n_evaluated:,} were tried)."
