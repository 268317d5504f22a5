"""Counterfactual explanations: the smallest changes of a row that give another prediction.

The search tries values that the version saw in training. Nothing is logged: the tried rows are hypothetical.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import InvalidInput, InvalidRows, MlwebError, quoted, quoted_list
from ...ml.types.schema import Scalar, Signature, canonical_text
from .. import registry
from ..registry import form_settings
from . import loaded_versions, nearest_examples
from .admission import check_time, limited
from .row_answers import Prediction, answers

if TYPE_CHECKING:
    from ...ml.explanation.counterfactuals import Counterfactual, Goal
    from ...ml.explanation.nearest_examples import Examples
    from ...ml.inputs.row_checker import CheckedRows
    from ...models import RegisteredModel
    from .loaded_versions import LoadedVersion

MAX_FOUND = 20
DEFAULT_FOUND = 5


@dataclass(frozen=True)
class Wanted:
    """The wanted prediction: a class by its label, a value of `at_least` so much, or of `at_most` so much."""

    label: Scalar = None
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class Change:
    """The change of one column: its value in the row, and the value that it would need."""

    column: str
    old: Scalar
    new: Scalar


@dataclass(frozen=True)
class Hint:
    """A counterfactual: changes after which the version gives the wanted prediction, here `prediction`."""

    changes: tuple[Change, ...]
    row: Mapping[str, Any]
    prediction: Prediction
    distance: float


@dataclass(frozen=True)
class Hints:
    """The result of a search. `is_there`: the row has the wanted prediction already. `message` sums it up."""

    model: str
    version: int
    prediction: Prediction
    is_there: bool
    hints: tuple[Hint, ...]
    n_evaluated: int
    message: str


@limited
def find(
    *,
    registered_model: RegisteredModel,
    row: Mapping[str, Any],
    wanted: Wanted,
    version: int | str | None = None,
    locked: Sequence[str] = (),
    n: int = DEFAULT_FOUND,
    is_exact: bool = True,
) -> Hints:
    """Search counterfactuals: the smallest changes of columns that are not locked, for the wanted prediction.

    `is_exact`: false for callers who may not see training values.
    Each hint was checked and predicted like any other row, and got the wanted prediction.
    Raises NotFound, NotServable, InvalidRows, InvalidInput, Busy, TookTooLong.
    """
    if not 1 <= n <= MAX_FOUND:
        raise InvalidInput(f"Ask for 1 to {MAX_FOUND} counterfactuals; got {n}.", limit=MAX_FOUND)
    model_version = registry.serving_version(registered_model, version)
    served = loaded_versions.load(model_version)
    goal = goal_of(wanted, served.signature)
    _check_locked(locked, served.signature)
    # What the owner fixed or declared immutable stays, too.
    immutable = form_settings.of(registered_model).immutable(served.signature)
    locked = list(dict.fromkeys([*locked, *immutable]))
    stored = nearest_examples.examples_of(model_version)
    (row,) = served.checker.named([row])
    checked = served.checker.check([row])
    (current,) = answers(served, checked)
    if current.error:
        raise InvalidRows(current.error)
    is_there = _is_met(current, wanted, goal, served.signature)
    results, n_evaluated = (
        ((), 0) if is_there else _search(served, stored, checked, goal, locked, n, is_exact)
    )
    check_time()
    hints = tuple(
        hint for each in results if (hint := _checked_hint(served, row, checked, each, wanted, goal))
    )
    return Hints(
        model=registered_model.slug,
        version=model_version.number,
        prediction=current,
        is_there=is_there,
        hints=hints,
        n_evaluated=n_evaluated,
        message=_sentence(is_there, hints, n_evaluated, locked),
    )


def goal_of(wanted: Wanted, signature: Signature) -> Goal:
    """The goal of the search. Raises InvalidInput for a prediction that this version cannot give."""
    from ...ml.explanation.counterfactuals import Goal

    if not signature.task.is_supervised:
        raise InvalidInput(
            "Counterfactuals exist for classification and regression; "
            f"the task of this version is {quoted(signature.task.value)}."
        )
    bounds = [each for each in (wanted.at_least, wanted.at_most) if each is not None]
    if signature.classes:
        names, texts = signature.class_names, list(map(canonical_text, signature.classes))
        if wanted.label is None or bounds:
            raise InvalidInput(
                f"Say which class is wanted; {quoted(signature.subject)} is one of {quoted_list(names)}."
            )
        name = str(canonical_text(wanted.label))
        # 1, 1.0 and "1.0" name the class 1.0.
        if name not in (*names, *texts):
            raise InvalidInput(f"There is no class {quoted(name)}; wanted may be {quoted_list(names)}.")
        code = names.index(name) if name in names else texts.index(name)
        return Goal(code=code, positive=signature.positive)
    if wanted.label is not None or len(bounds) != 1:
        raise InvalidInput(
            "Give the wanted value by one bound: the lowest (at_least) or the highest (at_most)."
        )
    if not math.isfinite(bounds[0]):
        raise InvalidInput("The wanted value has to be a finite number.")
    return Goal(at_least=wanted.at_least, at_most=wanted.at_most)


def _check_locked(locked: Sequence[str], signature: Signature) -> None:
    if unknown := sorted(set(locked) - set(signature.names)):
        raise InvalidInput(f"The model has no column {quoted_list(unknown)} that could be locked.")


def _search(
    served: LoadedVersion,
    stored: Examples,
    checked: CheckedRows,
    goal: Goal,
    locked: Sequence[str],
    n: int,
    is_exact: bool,
) -> tuple[Sequence[Counterfactual], int]:
    from ...ml.explanation import counterfactuals

    roles = {field.name: field.role for field in served.signature.fields}
    candidates = counterfactuals.candidates_of(stored, checked.columns, locked, roles, is_exact=is_exact)
    predictor = served.predictor
    result = counterfactuals.search(
        predictor.predict, predictor.threshold, checked.columns, candidates, goal, n_wanted=n
    )
    return result.counterfactuals, result.n_evaluated


def _checked_hint(
    served: LoadedVersion,
    row: Mapping[str, Any],
    checked: CheckedRows,
    counterfactual: Counterfactual,
    wanted: Wanted,
    goal: Goal,
) -> Hint | None:
    """The hint, if its row sent alone also gets the wanted prediction.

    A row predicted alone may differ in the last digit from the same row in a batch.
    """
    from ...ml.explanation.nearest_examples import scalar_of

    fields = {field.name: field for field in served.signature.fields}
    changes = tuple(
        Change(name, scalar_of(fields[name], checked.columns[name][0]), scalar_of(fields[name], cell))
        for name, cell in counterfactual.cells.items()
    )
    changed = {**row, **{each.column: each.new for each in changes}}
    try:
        (prediction,) = answers(served, served.checker.check([changed]))
    except MlwebError:
        return None
    if prediction.error or not _is_met(prediction, wanted, goal, served.signature):
        return None
    return Hint(changes, changed, prediction, round(counterfactual.distance, 4))


def _is_met(prediction: Prediction, wanted: Wanted, goal: Goal, signature: Signature) -> bool:
    """Whether the prediction meets the goal, judged by the value that callers get."""
    if goal.code is not None:
        return prediction.prediction == signature.classes[goal.code]
    value = float(prediction.prediction)  # type: ignore[arg-type]
    return value >= wanted.at_least if wanted.at_least is not None else value <= float(wanted.at_most)  # type: ignore[arg-type]


def _sentence(is_there: bool, hints: Sequence[Hint], n_evaluated: int, locked: Sequence[str]) -> str:
    if is_there:
        return "The answer is the wanted one already; nothing has to change."
    if not hints:
        but = f", with {quoted_list(locked)} locked," if locked else ""
        return (
            f"No change of one column or of two{but} was found among {n_evaluated:,} that were tried: "
            "with values that training saw, the version keeps to its answer."
        )
    n_columns = len(hints[0].changes)
    enough = "Changing one column is enough" if n_columns == 1 else "No single column is enough, but two are"
    return f"{enough}. The smallest change stands first ({n_evaluated:,} were tried)."
