"""FastAPI server, as in its tutorials: `uvicorn fastapi_app:app`, models in the folder $MODELS."""

import os
from pathlib import Path

import joblib
import pandas as pd
from fastapi import FastAPI, UploadFile
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

app = FastAPI()
models = {name: joblib.load(Path(os.environ["MODELS"]) / f"{name}.joblib") for name in ("forest", "linear")}


class ForestRow(BaseModel):
    n0: float
    n1: float
    n2: float
    n3: float
    n4: float
    n5: float
    n6: float
    n7: float
    n8: float
    n9: float
    city: str
    plan: str
    device: str
    segment: str


class LinearRow(BaseModel):
    x1: float
    x2: float


class ForestRows(BaseModel):
    rows: list[ForestRow]


class LinearRows(BaseModel):
    rows: list[LinearRow]


@app.post("/forest")
def forest(asked: ForestRows):
    frame = pd.DataFrame([row.model_dump() for row in asked.rows])
    return {"probabilities": models["forest"].predict_proba(frame).tolist()}


@app.post("/linear")
def linear(asked: LinearRows):
    frame = pd.DataFrame([row.model_dump() for row in asked.rows])
    return {"predictions": models["linear"].predict(frame).tolist()}


@app.post("/csv")
def csv(file: UploadFile):
    """Predict a CSV file; returns it with the predictions added."""
    frame = pd.read_csv(file.file)
    shares = models["forest"].predict_proba(frame)
    frame["prediction"] = shares.argmax(axis=1)
    frame["probability_no"], frame["probability_yes"] = shares[:, 0], shares[:, 1]
    return PlainTextResponse(frame.to_csv(index=False), media_type="text/csv")


@app.get("/health")
def health():
    return "ok"
