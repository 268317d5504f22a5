"""BentoML server, as in its tutorials: `bentoml serve bento_app:Served`, models in the folder $MODELS."""

import os
from pathlib import Path
from typing import Any

import bentoml
import joblib
import pandas as pd


@bentoml.service(workers=2)
class Served:
    def __init__(self) -> None:
        folder = Path(os.environ["MODELS"])
        self.models = {name: joblib.load(folder / f"{name}.joblib") for name in ("forest", "linear")}

    @bentoml.api
    def forest(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {"probabilities": self.models["forest"].predict_proba(pd.DataFrame(rows)).tolist()}

    @bentoml.api
    def linear(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {"predictions": self.models["linear"].predict(pd.DataFrame(rows)).tolist()}
