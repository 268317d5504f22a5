"""One way to fit a table, as plain data. Importing this does not import scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..estimators.catalogue import CATALOGUE, EstimatorInfo
from ..features.encoding import Encoding


@dataclass(frozen=True)
class Candidate:
    """One way to fit the table.

    `params` are the catalogue's hyperparameters; `settings` go to scikit-learn beyond them. `path` lists
    alternatives for some of the params, each fitted in turn; boosting, forests and neural networks are walked
    along their own rounds when `is_staged`. `is_log` fits on log1p of the target.
    """

    key: str
    title: str
    estimator: str
    encoding: Encoding
    params: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    path: tuple[Mapping[str, Any], ...] = ()
    is_staged: bool = False
    is_log: bool = False
    share: float = 0.3
    why: str = ""

    @property
    def info(self) -> EstimatorInfo:
        return CATALOGUE[self.estimator]
