"""Flask server, as in its tutorials: `gunicorn flask_app:app`, models in the folder $MODELS."""

import os
from pathlib import Path

import joblib
import pandas as pd
from flask import Flask, jsonify, request

app = Flask(__name__)
models = {name: joblib.load(Path(os.environ["MODELS"]) / f"{name}.joblib") for name in ("forest", "linear")}


@app.post("/forest")
def forest():
    frame = pd.DataFrame(request.get_json()["rows"])
    return jsonify(probabilities=models["forest"].predict_proba(frame).tolist())


@app.post("/linear")
def linear():
    frame = pd.DataFrame(request.get_json()["rows"])
    return jsonify(predictions=models["linear"].predict(frame).tolist())


@app.get("/health")
def health():
    return "ok"
