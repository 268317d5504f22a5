"""The step for free text: which words occur."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .step import Matrix, Output, Step, Writer

# Words, or single characters of scripts that are written without spaces.
TOKEN = re.compile(
    "[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)
LONGEST_TEXT = 20_000


def tokens(text: str) -> list[str]:
    """The words of a text: case-folded runs of letters and digits; Chinese and Japanese by character."""
    return TOKEN.findall(text[:LONGEST_TEXT].casefold())


@dataclass(frozen=True)
class TextStep(Step):
    """Word tf-idf: (1 + ln tf) · idf, rows of length 1; only words of the vocabulary count."""

    words: tuple[str, ...] = ()
    idf: tuple[float, ...] = ()
    kind: ClassVar[str] = "text"

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        return tuple(Output(f"{self.source} has “{word}”", self.source) for word in self.words)

    @cached_property
    def _vocabulary(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    def weights(self, text: str | None) -> dict[int, float]:
        """The non-zero numbers of one text by place."""
        if not isinstance(text, str):
            return {}
        counts: dict[int, int] = {}
        for token in tokens(text):
            place = self._vocabulary.get(token)
            if place is not None:
                counts[place] = counts.get(place, 0) + 1
        found = {place: (1.0 + math.log(count)) * self.idf[place] for place, count in counts.items()}
        length = math.sqrt(sum(each * each for each in found.values()))
        return {place: each / length for place, each in found.items()}

    def transform(self, values: NDArray[Any]) -> Matrix:
        block = np.zeros((len(values), len(self.words)))
        for row, text in enumerate(values.tolist()):
            for place, weight in self.weights(text).items():
                block[row, place] = weight
        return block

    def writer(self, at: int) -> Writer:
        def write(values: NDArray[Any], row: list[float]) -> None:
            for place, weight in self.weights(values.item()).items():
                row[at + place] = weight

        return write
