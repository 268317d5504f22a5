"""What the thresholds of a version would do on its held-out rows, before one of them is made a version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...ml.types import positive_class as positive_classes
from ...ml.types.schema import Scalar
from ...ml.types.threshold_rule import ThresholdRule
from .version_thresholds import scores_of

if TYPE_CHECKING:
    from ...ml.calibration.threshold_table import Outcome, ThresholdTable
    from ...models import ModelVersion

HALF = 0.5
NOW = "now"


@dataclass(frozen=True)
class RuleChoice:
    """The threshold that a rule chooses on out-of-fold predictions, and its outcome on held-out rows.

    `name`: how the rule decides, or "now" for the version's own threshold. `note` says where it misses its aim.
    """

    name: str
    rule: ThresholdRule | None
    note: str
    outcome: Outcome

    @property
    def threshold(self) -> float:
        return self.outcome.threshold


@dataclass(frozen=True)
class ThresholdChoices:
    """A table of thresholds, the choices of the usual rules, and the selected outcome."""

    positive: str
    table: ThresholdTable
    choices: Sequence[RuleChoice]
    selected: Outcome

    @property
    def selected_rule(self) -> ThresholdRule:
        """The rule whose choice is selected; a given value where none is."""
        for each in self.choices:
            if each.rule is not None and each.threshold == self.selected.threshold:
                return each.rule
        return ThresholdRule("fixed", (self.selected.threshold,))


def choices_of(
    version: ModelVersion,
    *,
    rules: Sequence[ThresholdRule],
    positive_class: Scalar = None,
    value: float | None = None,
) -> ThresholdChoices:
    """Judge the version's threshold, those of `rules`, and `value` (else the version's) on the held-out rows.

    Raises InvalidThreshold unless the task is binary, InvalidTrainingRequest for a class that it does not have,
    Conflict for a version stored without scores.
    """
    from ...ml.calibration.decision_thresholds import choose
    from ...ml.calibration.threshold_table import ThresholdCounts

    signature = version.signature
    stored = scores_of(version)
    names, code = signature.class_names, signature.positive
    if label := positive_classes.label_of(positive_class):
        code = positive_classes.found_in(names, label)
    scores = stored.for_class(code)
    counts = ThresholdCounts.of(*scores.held_out, scores.held_out_weights)
    choices = []
    if code == signature.positive:
        choices.append(RuleChoice(NOW, None, "", counts.at(version.threshold or HALF)))
    for rule in rules:
        found = choose(rule, *scores.out_of_fold, scores.out_of_fold_weights)
        choices.append(RuleChoice(rule.by, rule, found.note, counts.at(found.value)))
    first = choices[0].threshold if choices else HALF
    return ThresholdChoices(names[code], counts.table(), choices, counts.at(value if value else first))
