from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from pytest_django import Settings

from predictor.errors import InvalidInput, TookTooLong, TooLarge
from predictor.ml.explanation.shapley import Explanation
from predictor.ml.inputs.row_checker import CheckedRows, RowWarning
from predictor.ml.types.schema import Signature, Task
from predictor.models import PredictionSource, uuid7
from predictor.models.prediction_log import moment_of
from predictor.services.predictions import row_answers
from predictor.services.predictions.loaded_versions import LoadedVersion
from predictor.services.predictions.options import Caller
from predictor.services.predictions.row_answers import Prediction

from .stub_predictor import NAN, Stub, served


def test_numbers_are_given_with_seven_digits_and_none_where_they_are_not_finite() -> None:
    version, n = served("values")
    answers = row_answers.answers(version, CheckedRows({}, ((),) * n, n))
    assert [each.prediction for each in answers] == [-0.4, 1e-9, None, 1234568.0, 12345680.0, 1e20, None, 0.0]
    assert {each.error for each in answers if each.prediction is None} == {row_answers.NOT_A_NUMBER}


def test_a_set_names_its_classes_and_its_coverage() -> None:
    version, n = served("sets")
    first, second, odd, last = row_answers.answers(version, CheckedRows({}, ((),) * n, n), coverage=0.75)
    assert first.prediction_set == {"classes": ['=a, "b"', "c"], "coverage": 0.75}
    assert second.prediction_set == {"classes": ["c"], "coverage": 0.75}
    assert (odd.prediction, odd.prediction_set) == (None, None)
    assert last.prediction_set == {"classes": ['=a, "b"'], "coverage": 0.75}


def test_explanations_are_stopped_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_late() -> None:
        raise TookTooLong("The prediction took too long.")

    monkeypatch.setattr(row_answers, "check_time", too_late)
    version, n = served("values")
    with pytest.raises(TookTooLong):
        row_answers.answers(version, CheckedRows({}, ((),) * n, n), explain=True)


def version_of(signature: Signature, **arrays: Any) -> LoadedVersion:
    return LoadedVersion(signature, None, Stub(signature, arrays))  # type: ignore[arg-type]


def rows_of(n: int) -> CheckedRows:
    return CheckedRows({}, ((),) * n, n)


def test_each_row_keeps_its_own_warnings_also_without_a_prediction() -> None:
    missing, unseen = RowWarning("missing", "x", "no value"), RowWarning("unseen", "c", "new")
    version = version_of(Signature("y", Task.REGRESSION, ()), values=np.array([1.0, NAN, 3.0]))

    answers = row_answers.answers(version, CheckedRows({}, ((), (missing, unseen), (unseen,)), 3))

    assert [each.warnings for each in answers] == [(), (missing, unseen), (unseen,)]
    assert answers[1].prediction is None
    assert answers[1].warnings_as_json == [
        {"code": "missing", "column": "x", "message": "no value"},
        {"code": "unseen", "column": "c", "message": "new"},
    ]


def test_a_row_has_an_id_of_its_own() -> None:
    version, n = served("values")

    assert len({each.id for each in row_answers.answers(version, rows_of(n))}) == n


def test_an_explanation_names_the_label_of_its_class_and_a_value_has_none() -> None:
    shares, codes = np.array([[0.25, 0.75]]), np.array([1])
    classifier = Signature("y", Task.BINARY, (), (False, True))
    by_class = version_of(
        classifier, probabilities=shares, codes=codes, explanations=[Explanation(0.5, 1, {"x": 0.25})]
    )
    by_value = version_of(
        Signature("y", Task.REGRESSION, ()),
        values=np.array([3.0]),
        explanations=[Explanation(1.0, None, {"x": 2.0})],
    )

    (label,) = row_answers.answers(by_class, rows_of(1))
    (value,) = row_answers.answers(by_value, rows_of(1))

    assert label.explanation == {"base": 0.5, "class": True, "contributions": {"x": 0.25}}
    assert label.prediction is True
    assert value.explanation == {"base": 1.0, "class": None, "contributions": {"x": 2.0}}


def test_a_coverage_is_refused_by_a_version_without_intervals() -> None:
    version, n = served("values")

    with pytest.raises(InvalidInput, match="stored without intervals and prediction sets"):
        row_answers.answers(version, rows_of(n), coverage=0.9)


@pytest.mark.parametrize("coverage", [0.49, 0.991, NAN])
def test_a_coverage_outside_of_its_bounds_is_refused(coverage: float) -> None:
    version, n = served("intervals")

    with pytest.raises(InvalidInput, match=r"The coverage may be 0\.5 to 0\.99"):
        row_answers.answers(version, rows_of(n), coverage=coverage)


def test_an_interval_is_for_90_percent_unless_another_coverage_is_given() -> None:
    version = version_of(
        Signature("y", Task.REGRESSION, ()),
        values=np.array([2.0]), intervals=(np.array([1 / 3]), np.array([20 / 3])),
    )  # fmt: skip

    (usual,) = row_answers.answers(version, rows_of(1))
    (wide,) = row_answers.answers(version, rows_of(1), coverage=0.99)

    assert usual.interval == {"low": 0.3333333, "high": 6.666667, "coverage": 0.9}
    assert wide.interval == {"low": 0.3333333, "high": 6.666667, "coverage": 0.99}


def test_explanations_have_a_limit_of_rows_that_predictions_do_not_have(settings: Settings) -> None:
    settings.MAX_EXPLAINED_ROWS = 2
    version = version_of(Signature("y", Task.REGRESSION, ()), values=np.zeros(2))
    larger = version_of(Signature("y", Task.REGRESSION, ()), values=np.zeros(3))

    assert len(row_answers.answers(version, rows_of(2), explain=True)) == 2
    assert len(row_answers.answers(larger, rows_of(3))) == 3
    with pytest.raises(TooLarge, match="may ask for 2 explanations; this one holds 3 rows") as refused:
        row_answers.answers(larger, rows_of(3), explain=True)
    assert refused.value.limit == 2


def test_a_forecast_and_a_version_without_background_rows_explain_nothing() -> None:
    forecast = version_of(Signature("y", Task.FORECASTING, ()), values=np.zeros(1))
    old, n = served("values")
    old.predictor.can_explain = False  # type: ignore[misc]

    with pytest.raises(InvalidInput, match="comes from the past of its series"):
        row_answers.answers(forecast, rows_of(1), explain=True)
    with pytest.raises(InvalidInput, match="stored without background rows"):
        row_answers.answers(old, rows_of(n), explain=True)


def test_the_output_holds_only_what_a_prediction_has() -> None:
    plain = Prediction(uuid7(), 0, None, ())
    failed = Prediction(uuid7(), None, None, (), row_answers.NOT_A_NUMBER)
    unusual = Prediction(uuid7(), "unusual", None, (), score=0.0)

    assert plain.output == {"prediction": 0}
    assert failed.output == {"prediction": None, "error": "The model gave no finite answer for this row."}
    assert unusual.output == {"prediction": "unusual", "score": 0.0}


def test_log_rows_hold_the_callers_fields_and_number_the_rows() -> None:
    version: Any = SimpleNamespace(pk=7, registered_model=SimpleNamespace(workspace_id=3))
    user, token = (cast(Any, SimpleNamespace(pk=key)) for key in (11, 12))
    caller = Caller(user, PredictionSource.CSV, token, "r-1")
    note = RowWarning("missing", "x", "Größe fehlt")
    predictions = [Prediction(uuid7(), 1.5, None, ()), Prediction(uuid7(), None, None, (note,), "no")]

    first, second = row_answers.log_rows(
        caller, version, [{"x": 1}, {"x": None}], predictions, latency_ms=0.25, first_row=2_001
    )

    assert first[:8] == (predictions[0].id, 3, 7, "r-1", 2_001, "csv", 11, 12)
    assert (first.inputs, first.output, first.warnings) == ('{"x":1}', '{"prediction":1.5}', "[]")
    assert (second.row_number, second.latency_ms) == (2_002, 0.25)
    assert (second.inputs, second.output) == ('{"x":null}', '{"prediction":null,"error":"no"}')
    assert second.warnings == '[{"code":"missing","column":"x","message":"Größe fehlt"}]'
    assert second.created_at == moment_of(second.id)  # type: ignore[arg-type]


def test_log_rows_of_nobody_have_no_actor_and_no_token() -> None:
    version: Any = SimpleNamespace(pk=7, registered_model=SimpleNamespace(workspace_id=3))

    (row,) = row_answers.log_rows(
        Caller(None), version, [{}], [Prediction(uuid7(), 1.0, None, ())], latency_ms=0.0
    )

    assert (row.actor_id, row.api_token_id, row.row_number, row.source) == (None, None, 1, "api")
