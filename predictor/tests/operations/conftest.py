from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from .installation import Installation


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One on SQLite for all tests of a module: starting it takes longer than most of them."""
    with Installation(tmp_path_factory.mktemp("installation"), {"MLWEB_TRAINING_SLOTS": "2"}) as started:
        yield started


def table(n_rows: int, seed: int = 0) -> bytes:
    """A CSV whose `y` follows from the other columns, with noise."""
    chance = random.Random(seed)
    lines = ["a,b,kind,y"]
    for _ in range(n_rows):
        a, b, kind = chance.random(), chance.gauss(0, 1), chance.choice(["red", "green", "blue"])
        y = 3 * a + b * (kind == "red") + chance.gauss(0, 0.1)
        lines.append(f"{a:.6f},{b:.6f},{kind},{y:.6f}")
    return "\n".join(lines).encode()
