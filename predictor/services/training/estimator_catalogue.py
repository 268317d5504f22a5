"""The catalogue of estimators and advice which to choose, for interfaces: they do not import `ml`."""

from __future__ import annotations

from ...errors import InvalidTrainingRequest
from ...ml.estimators.catalogue import CATALOGUE, EstimatorInfo, Hyperparameter
from ...ml.search import advice as advice_of
from ...ml.search.advice import Advice
from ...ml.search.advice import advise as advise_on
from ...ml.search.portfolio import TableFacts
from ...ml.training.request_checks import check_request
from ...ml.types.training_request import AUTO
from ...models import Dataset, TrainingRun
from .training_options import TrainingOptions

__all__ = ["AUTO", "Advice", "EstimatorInfo", "Hyperparameter", "advise", "catalogue", "findings"]


def catalogue() -> tuple[EstimatorInfo, ...]:
    """Every estimator that can be chosen by name, in display order."""
    return tuple(CATALOGUE.values())


def advise(*, dataset: Dataset, options: TrainingOptions) -> Advice | None:
    """What Auto would try with these options and why; None when the target cannot be learned."""
    try:
        request = options.request(dataset)
        task = check_request(request)
    except InvalidTrainingRequest:
        return None
    facts = TableFacts.before(request.table, request.target, task)
    return advise_on(facts, is_monotone=bool(request.monotone))


def findings(run: TrainingRun) -> list[str]:
    """Sentences on what the leaderboard of a finished run shows about its table."""
    return advice_of.findings(run.leaderboard)
