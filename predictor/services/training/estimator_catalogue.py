"""The catalogue of estimators and advice which to choose, for interfaces: they do not import `ml`."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import InvalidTrainingRequest
from ...ml.estimators.catalogue import CATALOGUE, EstimatorInfo, Hyperparameter
from ...ml.search.advice import Advice
from ...ml.search.advice import advise as advise_on
from ...ml.search.advice import findings as found_out_by
from ...ml.search.portfolio import TableFacts
from ...ml.training.request_checks import check_request
from ...ml.types.schema import Role, Task
from ...ml.types.training_request import AUTO, TrainingRequest
from ...models import Dataset, TrainingRun

__all__ = ["AUTO", "Advice", "EstimatorInfo", "Hyperparameter", "advise", "catalogue", "found_out"]


def catalogue() -> tuple[EstimatorInfo, ...]:
    """Every estimator that can be chosen by name, in display order."""
    return tuple(CATALOGUE.values())


def advise(
    *, dataset: Dataset, target: str, task: Task | None, roles: Mapping[str, Role | str] | None = None
) -> Advice | None:
    """What Auto would try on this target and why; None when the target cannot be learned."""
    try:
        known_roles = {name: Role(role) for name, role in (roles or {}).items()}
        request = TrainingRequest("", dataset.schema, target, task, roles=known_roles)
        checked = check_request(request)
    except (InvalidTrainingRequest, ValueError):
        return None
    return advise_on(TableFacts.before(request.table, target, checked))


def found_out(run: TrainingRun) -> list[str]:
    """Sentences on what the leaderboard of a finished run shows about its table."""
    return found_out_by(run.leaderboard)
