"""Right values are computed by hand or by scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_absolute_error, r2_score, roc_auc_score

from predictor.ml.monitoring.live_performance import labelled, live_performance
from predictor.ml.types.schema import FeatureField, Role, Signature, Task

FIELDS = (FeatureField("a", Role.NUMERIC),)
BINARY = Signature("y", Task.BINARY, FIELDS, classes=("no", "yes"), positive_class="yes")
NUMBER = Signature("y", Task.REGRESSION, FIELDS)


def answer(p: float) -> dict[str, object]:
    return {"prediction": "yes" if p >= 0.5 else "no", "probabilities": {"no": 1 - p, "yes": p}}


def test_the_metrics_of_two_classes_are_those_of_scikit_learn():
    draw = np.random.default_rng(0)
    p = draw.random(300)
    y = (draw.random(300) < p).astype(int)
    rows = labelled(BINARY, [answer(each) for each in p.tolist()], [BINARY.classes[each] for each in y])

    found = live_performance(BINARY, rows)

    assert found.metrics["roc_auc"] == pytest.approx(roc_auc_score(y, p))
    assert found.metrics["log_loss"] == pytest.approx(log_loss(y, p))
    assert found.confusion is not None
    assert np.array(found.confusion).sum() == 300
    assert found.confusion[1][1] == int(((p >= 0.5) & (y == 1)).sum())
    low, high = found.intervals["accuracy"] or (math.nan, math.nan)
    assert low < found.metrics["accuracy"] < high  # type: ignore[operator]


def test_the_threshold_of_the_version_decides():
    outputs = [answer(p) for p in (0.2, 0.4, 0.6, 0.9)]
    rows = labelled(BINARY, outputs, ["no", "yes", "yes", "yes"])

    assert live_performance(BINARY, rows).metrics["accuracy"] == 0.75
    assert live_performance(BINARY, rows, threshold=0.3).metrics["accuracy"] == 1.0


def test_the_metrics_of_numbers_are_those_of_scikit_learn():
    draw = np.random.default_rng(1)
    y = draw.normal(size=100)
    predicted = y + draw.normal(scale=0.3, size=100)
    rows = labelled(NUMBER, [{"prediction": each} for each in predicted.tolist()], y.tolist())

    found = live_performance(NUMBER, rows)

    assert found.metrics["mae"] == pytest.approx(mean_absolute_error(y, predicted))
    assert found.metrics["r2"] == pytest.approx(r2_score(y, predicted))
    assert found.error_quantiles is not None
    assert found.error_quantiles[0.5] == pytest.approx(float(np.median(np.abs(y - predicted))))
    assert found.confusion is None


def test_what_cannot_be_judged_is_counted_and_left_out():
    outputs = [answer(0.9), {"prediction": None}, answer(0.1), "broken", answer(0.8)]
    rows = labelled(BINARY, outputs, ["yes", "yes", "maybe", "no", "no"])

    assert (len(rows), rows.n_other_classes, rows.n_unanswered) == (2, 1, 2)
    assert rows.kept.tolist() == [0, 4]
    assert live_performance(BINARY, rows).intervals == {}

    numbers = labelled(NUMBER, [{"prediction": 1.0}, {"prediction": None}, {}], [2.0, 3.0, 4.0])
    assert (len(numbers), numbers.n_unanswered) == (1, 2)


def test_labels_that_are_numbers_or_truth_values_are_found_by_their_text():
    signature = Signature("y", Task.MULTICLASS, FIELDS, classes=(0, 1, True))
    output = {"prediction": 0, "probabilities": {"0": 0.5, "1": 0.3, "true": 0.2}}

    assert labelled(signature, [output] * 3, [0, 1, True]).y.tolist() == [0, 1, 2]
