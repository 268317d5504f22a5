"""Prediction protocols below `/serve/{workspace}/`: they translate to `services.predictions.predict` and back.

Open Inference Protocol V2 (`oip`), KServe V1 (`kserve`), MLflow scoring and the article's `/predict` (`mlflow`).
The same row gives the same answer through all of them.
"""

VERSION = "1.0"
