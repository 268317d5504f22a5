"""The columns of a table as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    pass

Columns = Mapping[str, NDArray[Any]]
