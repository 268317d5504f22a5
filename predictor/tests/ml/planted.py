"""Tables with clusters and oddities that were put there, so that what is found can be checked."""

from __future__ import annotations

import numpy as np

from predictor.ml.schema import Role

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
