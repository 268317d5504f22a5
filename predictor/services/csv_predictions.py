"""Predicting a CSV file: read, checked and answered in chunks, so that memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..errors import NotFound
from ..models import PredictionSource

if TYPE_CHECKING:
    from ..models import ApiToken, RegisteredModel, User, Workspace


@dataclass(frozen=True)
class CsvAnswer:
    """A predicted file: the first rows to look at, and the whole result as a file.

    The result has the file's own columns, then `prediction`, and for classes one `probability_…` column each.
    `key` finds it again (`open_csv_result`) for a day.
    """

    model: str
    version: int
    request_id: str
    key: str
    path: Path
    filename: str
    n_rows: int
    n_rows_with_warnings: int
    columns: tuple[str, ...]
    preview: tuple[Mapping[str, Any], ...]
    warnings: tuple[str, ...] = ()


def predict_csv(
    *,
    registered_model: RegisteredModel,
    source: Path | IO[bytes],
    filename: str = "",
    options: Any = None,
    version: int | str | None = None,
    strict: bool = False,
    by: User | None,
    token: ApiToken | None = None,
    face: str = PredictionSource.CSV,
    request_id: str = "",
) -> CsvAnswer:
    """Answers for every row of a CSV file. Raises what `predict` raises, and InvalidTable for no table.

    Nothing is logged or kept unless every row could be answered.
    """
    raise NotImplementedError


def open_csv_result(*, workspace: Workspace, key: str, by: User) -> Path:
    """The result file of an earlier `predict_csv` of this person. Raises NotFound when it is gone."""
    raise NotFound("This result is gone; predict the file again.")
