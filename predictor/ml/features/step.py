"""What every step of a feature spec is: one canonical column in, a few numbers out.

Every step has two executors of the same arithmetic, `transform` for many rows and `writer` for one; all of it
is IEEE float64 addition, multiplication, division and table lookup, so that both give the same bits. What
needs a transcendental function (sine, logarithm) is a table or is computed by one shared function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Writer = Callable[[NDArray[Any], list[float]], None]
# What counts as missing in a column of texts; NumPy's NaN is found by identity.
MISSING: tuple[Any, ...] = (None, "", np.nan)


@dataclass(frozen=True)
class Output:
    """One column of the matrix: its name, the source column, and whether it holds category codes."""

    name: str
    source: str
    is_categorical: bool = False


@dataclass(frozen=True)
class Step:
    """One source column; subclasses say how it becomes numbers."""

    source: str
    kind: ClassVar[str] = ""

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        raise NotImplementedError

    def transform(self, values: NDArray[Any]) -> Matrix:
        """The block (n, len(outputs)) for a canonical column."""
        raise NotImplementedError

    def writer(self, at: int) -> Writer:
        """A function that writes the numbers of a column of length one into a list, from index `at` on."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{name: _frozen(value) for name, value in data.items() if name != "kind"})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value
