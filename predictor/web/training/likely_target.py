"""Which column the training form proposes as target, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...errors import InvalidTrainingRequest
from ...models import Dataset
from ...services import training
from ...services.training import TrainingOptions

# Names that say "this is the target", in any table.
SAYS_TARGET = frozenset({
    "target", "label", "class", "y", "outcome", "response", "dependent", "targetvariable", "classlabel",
    "ziel", "zielvariable", "zielgroesse", "zielgröße", "klasse", "cible", "classe", "objetivo", "clase", "obiettivo",
})  # fmt: skip
# What is often predicted.
OFTEN_PREDICTED = frozenset({
    "churn", "churned", "attrition", "exited", "default", "defaulted", "fraud", "fraudulent", "spam", "survived",
    "survival", "converted", "conversion", "approved", "diagnosis", "readmitted", "failure", "risk", "species",
    "quality", "sentiment", "rating", "score", "price", "salary", "sales", "revenue", "demand", "consumption",
    "preis", "umsatz",
})  # fmt: skip
MAX_TRIED = 30


@dataclass(frozen=True)
class Proposal:
    """The proposed target, "" for none, and the sentence that says why."""

    target: str
    reason: str


NONE = Proposal(
    "", gettext_lazy("No column is proposed: nothing in the table says which one you want to predict.")
)


def proposed_target(dataset: Dataset) -> Proposal:
    """A column whose name says that it is the target; else the last one, if it can be a target at all."""
    for name in _named_as_target(dataset):
        if _can_be_target(dataset, name):
            return Proposal(name, _("“%(name)s” is proposed because of its name.") % {"name": name})
    last = dataset.schema.columns[-1].name
    if _can_be_target(dataset, last):
        return Proposal(
            last,
            _("“%(last)s” is proposed only because it is the last column: check that you want to predict it.")
            % {"last": last},
        )
    return NONE


def _named_as_target(dataset: Dataset) -> Iterator[str]:
    """Names that say so, the clearest first, and of equal ones the last; at most MAX_TRIED."""
    rated = [(_clearness(name), index, name) for index, name in enumerate(dataset.schema.names)]
    for *_rank, name in sorted((each for each in rated if each[0]), reverse=True)[:MAX_TRIED]:
        yield name


def _clearness(name: str) -> int:
    """3: the name is a word for targets; 2: it is what is often predicted; 1: it begins or ends with such a word."""
    words = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[^\W\dA-Z_])(?=[A-Z])", " ", name))
    words = [word.lower() for word in words]
    whole = "".join(words)
    if whole in SAYS_TARGET:
        return 3
    if whole in OFTEN_PREDICTED:
        return 2
    ends = {words[0], words[-1]} if words else set()
    return 1 if ends & (SAYS_TARGET | OFTEN_PREDICTED) - {"y"} else 0


def _can_be_target(dataset: Dataset, name: str) -> bool:
    try:
        training.find_task(dataset=dataset, options=TrainingOptions(target=name))
    except InvalidTrainingRequest:
        return False
    return True
