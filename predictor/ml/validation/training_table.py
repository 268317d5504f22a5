"""Can this training run be done? Refusals with their reason, before and after the values are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidTrainingRequest, quoted
from ..types.monotone import Direction
from ..types.run_options import row_weighting
from ..types.schema import FEATURE_ROLES, Role, TableSchema, Task
from ..types.training_request import TrainingRequest
from ..types.warnings import TrainingWarning
from .target import Target, TargetFacts, check_target, make_target, missing, with_positive_class
from .weight_column import weights_of


@dataclass(frozen=True)
class TrainingTable:
    """Rows with a known target: canonical feature columns, their roles, and the target.

    `split_by`: the times or the groups of the rows, when they are not split at random.
    `monotone`: the columns that the prediction may follow in one direction only.
    `weight_column`: where the weights of the target come from; "" for none. `other_uses`: why a column that the run
    reads is no feature.
    """

    columns: Mapping[str, NDArray[Any]]
    roles: Mapping[str, Role]
    target: Target
    split_by: NDArray[Any] | None = None
    monotone: Mapping[str, Direction] = field(default_factory=dict)
    weight_column: str = ""
    other_uses: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.target.y)

    @property
    def task(self) -> Task:
        return self.target.task

    def rows(self, index: NDArray[np.intp]) -> TrainingTable:
        """These rows, in this order."""
        columns = {name: values[index] for name, values in self.columns.items()}
        split_by = None if self.split_by is None else self.split_by[index]
        return replace(self, columns=columns, target=self.target.rows(index), split_by=split_by)

    @property
    def monotone_signs(self) -> dict[str, int]:
        """1 or -1 by column: which way the values, or the probability of the second class, may go."""
        is_turned = self.task is Task.BINARY and self.target.positive == 0
        return {name: -each.sign if is_turned else each.sign for name, each in self.monotone.items()}


def feature_roles(table: TableSchema, target: str) -> dict[str, Role]:
    """The columns that a model may use, in file order."""
    return {name: role for name, role in table.roles.items() if name != target and role in FEATURE_ROLES}


def left_out_columns(table: TableSchema, target: str) -> dict[str, str]:
    """The columns that no model uses, each with the reason."""
    reasons = {
        Role.IDENTIFIER: "identifier: its values name rows and do not come again",
        Role.CONSTANT: "constant: it has one value or none",
    }
    return {name: reasons[role] for name, role in table.roles.items() if name != target and role in reasons}


def make_table(
    request: TrainingRequest, columns: Mapping[str, NDArray[Any]]
) -> tuple[TrainingTable, list[TrainingWarning]]:
    """The rows to learn from, after the exact checks on the values; raises InvalidTrainingRequest."""
    schema = request.table
    profile = schema[request.target]
    values = columns[request.target]
    is_missing, weights = missing(values), None
    warnings: list[TrainingWarning] = []
    if request.weight_column:
        weights, warnings = weights_of(request.weight_column, columns[request.weight_column])
        is_missing |= np.zeros(len(values), bool) if weights is None else weights == 0
    task = check_target(TargetFacts.from_values(profile.name, profile.role, values), request.task)
    if weights is not None and (weights == 0).any():
        check_target(TargetFacts.from_values(profile.name, profile.role, values[~is_missing]), task)
    target = make_target(
        profile.name,
        task,
        values[~is_missing],
        is_boolean=profile.storage.upper() == "BOOLEAN",
        has_points=profile.storage.upper() == "DOUBLE",
    )
    target = with_positive_class(target, request.positive_class)
    target = replace(target, weights=None if weights is None else weights[~is_missing])
    roles = feature_roles(schema, request.target)
    features = {name: columns[name][~is_missing] for name in roles}
    roles = {name: role for name, role in roles.items() if not missing(features[name]).all()}
    if not roles:
        raise InvalidTrainingRequest(
            f"No feature is left to predict {quoted(profile.name)} from: all have no values."
        )
    split_by = None if request.split.column is None else columns[request.split.column][~is_missing]
    monotone = {name: each for name, each in request.monotone.items() if name in roles}
    table = TrainingTable(
        {name: features[name] for name in roles},
        roles,
        target,
        split_by,
        monotone,
        weight_column="" if target.weights is None else request.weight_column,
        other_uses={request.weight_column: row_weighting.LEFT_OUT} if request.weight_column else {},
    )
    warnings += _missing_warnings(profile.name, int(missing(values).sum()), len(values))
    return table, warnings


def _missing_warnings(name: str, n_missing: int, n_rows: int) -> list[TrainingWarning]:
    if not n_missing:
        return []
    message = f"{n_missing} of {n_rows} rows have no value in the target {quoted(name)} and were left out."
    return [TrainingWarning(message, name)]
