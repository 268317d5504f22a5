"""Tables with clusters and oddities that were put there, so that what is found can be checked."""

from __future__ import annotations

import numpy as np

from predictor.ml.types.schema import Role

CENTRES = np.array([[20.0, 100.0, 0.0], [60.0, 100.0, 5.0], [20.0, 400.0, 5.0], [60.0, 400.0, 0.0]])
SPREADS = np.array([3.0, 20.0, 0.4])
PLANS = ("free", "pro", "team", "pro")
BLOB_ROLES = {
    "age": Role.NUMERIC,
    "spend": Role.NUMERIC,
    "visits": Role.NUMERIC,
    "plan": Role.CATEGORICAL,
}


def blobs(
    n_rows: int = 400, *, seed: int = 0, gaps: float = 0.03
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Four kinds of customers, and the kind of each row."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(4, n_rows, p=[0.4, 0.3, 0.2, 0.1])
    points = CENTRES[kinds] + rng.normal(0, 1, (n_rows, 3)) * SPREADS
    plan = np.array([PLANS[kind] if rng.random() < 0.9 else "other" for kind in kinds], dtype=object)
    columns = dict(zip(("age", "spend", "visits"), points.T, strict=True))
    columns["age"][rng.random(n_rows) < gaps] = np.nan
    return {**columns, "plan": plan}, kinds


def noise(n_rows: int = 400, *, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {f"x{number}": rng.uniform(0, 1, n_rows) for number in range(4)}


ODD_ROLES = {"amount": Role.NUMERIC, "hours": Role.NUMERIC, "shop": Role.CATEGORICAL}


def odd_rows(n_rows: int = 500, *, seed: int = 0) -> tuple[dict[str, np.ndarray], list[int]]:
    """Purchases, and the numbers of a few rows that no other is like: a huge amount, a rare shop, both odd."""
    rng = np.random.default_rng(seed)
    columns = {
        "amount": rng.normal(50, 10, n_rows),
        "hours": rng.normal(12, 2, n_rows),
        "shop": np.array(rng.choice(["north", "south", "east"], n_rows), dtype=object),
    }
    odd = [7, 101, 333]
    for place, (amount, hours, shop) in zip(
        odd, [(900.0, 12.0, "north"), (52.0, 0.0, "moon"), (-400.0, 23.5, "east")], strict=True
    ):
        columns["amount"][place], columns["hours"][place], columns["shop"][place] = amount, hours, shop
    return columns, odd
