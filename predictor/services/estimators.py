"""The catalogue of estimators, and which to choose, for faces: they do not reach into `ml`."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import InvalidTrainingRequest
from ..ml.estimators.catalogue import CATALOGUE, EstimatorInfo, Hyperparameter
from ..ml.search.advice import Advice
from ..ml.search.advice import advise as advise_on
from ..ml.search.advice import found_out as found_out_by
from ..ml.search.portfolio import Facts
from ..ml.training.request_checks import check_request
from ..ml.types.schema import Role, Task
from ..ml.types.training_request import AUTO, TrainingRequest
from ..models import Dataset, TrainingRun

__all__ = ["AUTO", "Advice", "EstimatorInfo", "Hyperparameter", "advise", "catalogue", "found_out"]


def catalogue() -> tuple[EstimatorInfo, ...]:
    """Every estimator that can be chosen by name, in the order in which people should see them."""
    return tuple(CATALOGUE.values())


def advise(
    *, dataset: Dataset, target: str, task: Task | None, roles: Mapping[str, Role | str] | None = None
) -> Advice | None:
    """What Auto would try on this target and why; None when the target cannot be learnt."""
    try:
        given = {name: Role(role) for name, role in (roles or {}).items()}
        request = TrainingRequest("", dataset.schema, target, task, roles=given)
        found = check_request(request)
    except (InvalidTrainingRequest, ValueError):
        return None
    return advise_on(Facts.before(request.table, target, found))


def found_out(run: TrainingRun) -> list[str]:
    """Sentences on what the candidates of a finished run say about its table."""
    return found_out_by(run.leaderboard)
