from __future__ import annotations

from dataclasses import replace

import pytest

from predictor.ml.metrics.score_bins import SHARE_EDGES
from predictor.ml.types.schema import Signature, Task
from predictor.models import ModelVersion
from predictor.services.prediction_log import outcomes
from predictor.tests.services.versions import SIGNATURE


def stored(version: ModelVersion, signature: Signature | None = None, **evaluation: object) -> ModelVersion:
    version.signature_json = signature.to_json() if signature else {}
    version.evaluation = evaluation
    version.save()
    return version


def test_bins_of_numbers_come_from_held_out_predictions(version: ModelVersion) -> None:
    stored(version, SIGNATURE, points={"actual": [7.0, 8.0], "predicted": [1.00000001, 2.0, 2.0, None]})

    (total,) = outcomes.new_totals([version.pk])

    assert total.edges == [pytest.approx(1), 1, 2]
    assert total.edges[0] < 1
    assert (total.classes, total.positive_class) == ([], "")


def test_a_forecast_has_bins_of_its_backtest(version: ModelVersion) -> None:
    signature = replace(SIGNATURE, task=Task.FORECASTING)
    stored(version, signature, backtest=[{"forecast": [5.0]}, {"forecast": [3.0, 4.0]}])

    (total,) = outcomes.new_totals([version.pk])

    assert total.edges[1:] == [3, 4, 5]


def test_classes_are_counted_by_their_labels_and_shares_have_equal_bins(version: ModelVersion) -> None:
    signature = replace(SIGNATURE, task=Task.BINARY, classes=(False, True))
    stored(version, signature)

    (total,) = outcomes.new_totals([version.pk])

    assert total.classes == [False, True]
    assert total.positive_class == "true"
    assert total.edges == list(SHARE_EDGES)


def test_the_number_of_classes_is_bounded(version: ModelVersion) -> None:
    signature = replace(SIGNATURE, task=Task.MULTICLASS, classes=tuple(f"c{k}" for k in range(200)))
    stored(version, signature)

    (total,) = outcomes.new_totals([version.pk])

    assert total.classes == [f"c{k}" for k in range(outcomes.MAX_CLASSES)]


def test_a_version_without_signature_or_report_has_no_bins(version: ModelVersion) -> None:
    (without,) = outcomes.new_totals([version.pk])
    stored(version, SIGNATURE)
    (bare,) = outcomes.new_totals([version.pk])

    assert without.edges == bare.edges == []
