"""HistGradientBoosting with its defaults, as many rounds as fit into a time: `boosting_in_time.py FOLDER SECONDS`.

FOLDER holds train.csv and test.csv; the last column is the target, of two classes. The time begins when they are read.
Prints a line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss, roc_auc_score

ROUNDS_AT_ONCE, MAX_ROUNDS, MAX_LEVELS = 10, 100, 250
folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
train, test = (pd.read_csv(folder / f"{name}.csv") for name in ("train", "test"))
started = time.monotonic()
target = train.columns[-1]
for frame in (train, test):
    frame["day"] = pd.to_datetime(frame["day"]).astype("int64") // 86_400_000_000_000
for name in train.select_dtypes(["object", "str"]).columns.drop(target):
    levels = train[name].value_counts().index[:MAX_LEVELS]
    for frame in (train, test):
        frame[name] = pd.Categorical(frame[name].where(frame[name].isin(levels)), categories=levels)
model = HistGradientBoostingClassifier(
    categorical_features="from_dtype",
    early_stopping=False,
    warm_start=True,
    max_iter=ROUNDS_AT_ONCE,
    random_state=0,
)
features, y = train.drop(columns=target), train[target]
round_seconds = 0.0
while model.max_iter <= MAX_ROUNDS and time.monotonic() - started + round_seconds < seconds:
    begun = time.monotonic()
    model.fit(features, y)
    round_seconds = time.monotonic() - begun
    model.set_params(max_iter=model.max_iter + ROUNDS_AT_ONCE)
spent = time.monotonic() - started
answers = model.predict_proba(test.drop(columns=target))[:, 1]
is_positive = test[target] == model.classes_[1]
print(
    json.dumps(
        {
            "seconds": round(spent, 1),
            "n_rows_fitted": len(train),
            "log_loss": round(log_loss(is_positive, answers), 4),
            "roc_auc": round(roc_auc_score(is_positive, answers), 4),
            "title": f"{model.n_iter_} rounds of 0.1",
        }
    )
)
