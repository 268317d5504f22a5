"""The options and the caller of a prediction, each in one object from the interface to the computation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...models import PredictionSource, uuid7

if TYPE_CHECKING:
    from ...models import ApiToken, User


@dataclass(frozen=True, slots=True)
class PredictionOptions:
    """How rows are predicted.

    `version`: a number or an alias; None: the champion. `strict`: refuse rows with warnings.
    `explain`: add Shapley values, the contribution of each column. `nearest`: add this many nearest training rows.
    `coverage`: of the intervals and sets, 0.5 to 0.99; None: 0.9.
    `horizon`: instead of rows, the next periods of all series of a forecasting version, or of `group` alone.
    `history`: observations newer than the training data, from which a forecasting version continues.
    `future`: beside a horizon, rows with values of the columns that are known in advance.
    `quantiles`: of a forecast, the values that the outcome lies below with these probabilities.
    `is_lenient`: leave out options that the version was stored without, instead of refusing them.
    `is_logged`: write each row to the prediction log. `are_texts`, `is_nan_missing`: see `RowChecker.check`.
    """

    version: int | str | None = None
    strict: bool = False
    explain: bool = False
    nearest: int = 0
    coverage: float | None = None
    horizon: int | None = None
    group: str | None = None
    history: Sequence[Mapping[str, Any]] = ()
    future: Sequence[Mapping[str, Any]] = ()
    quantiles: tuple[float, ...] = ()
    is_lenient: bool = False
    is_logged: bool = True
    are_texts: bool = False
    is_nan_missing: bool = False

    @property
    def can_be_batch(self) -> bool:
        """Whether a batch can take these options: it explains nothing, and takes no horizon, history or quantiles."""
        return not (
            self.explain or self.nearest or self.horizon is not None or self.history or self.quantiles
        )


@dataclass(frozen=True, slots=True)
class Caller:
    """Who predicts, and through which interface: the fields that all log rows of a request share."""

    by: User | None
    source: str = PredictionSource.API
    token: ApiToken | None = None
    request_id: str = ""

    def __post_init__(self) -> None:
        if not self.request_id:
            object.__setattr__(self, "request_id", uuid7().hex)
