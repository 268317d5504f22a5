"""The models that every peer serves, fitted in the peer's own environment: `python pipeline.py FOLDER`.

`forest`: 100 trees on 10 numbers and 4 one-hot categories, 20,000 rows; `linear`: 0.5·x1 + 0.3·x2 − 1.5.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _served import CATEGORIES, NUMBERS, mixed_table

N_ROWS, N_TREES = 20_000, 100


def forest() -> Any:
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    columns, y = mixed_table(N_ROWS)
    encoded = ColumnTransformer(
        [("categories", OneHotEncoder(handle_unknown="ignore"), list(CATEGORIES))], remainder="passthrough"
    )
    model = make_pipeline(encoded, RandomForestClassifier(N_TREES, random_state=0))
    return model.fit(pd.DataFrame(columns)[[*NUMBERS, *CATEGORIES]], y)


def linear() -> Any:
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 2.0]])
    return LinearRegression().fit(
        pd.DataFrame(points, columns=["x1", "x2"]), points @ np.array([0.5, 0.3]) - 1.5
    )


def save(folder: Path) -> None:
    import joblib

    for name, make in (("forest", forest), ("linear", linear)):
        joblib.dump(make(), folder / f"{name}.joblib")


def save_for_mlflow(folder: Path) -> None:
    import mlflow.sklearn

    for name, make in (("forest", forest), ("linear", linear)):
        path = str(folder / f"mlflow-{name}")
        # MLflow's new default format refuses the trees of a forest.
        mlflow.sklearn.save_model(make(), path, pip_requirements=[], serialization_format="cloudpickle")


if __name__ == "__main__":
    save(Path(sys.argv[1]))
    if "mlflow" in sys.argv[2:]:
        save_for_mlflow(Path(sys.argv[1]))
