from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from predictor.models import (
    Actual,
    ModelVersion,
    PredictionLog,
    RegisteredModel,
    User,
    Workspace,
    uuid7,
)
from predictor.services import prediction_log
from predictor.services.monitoring import actuals
from predictor.services.monitoring.actuals import Fault, GivenActual, Receipt
from predictor.services.prediction_log import LogRow
from predictor.tests.services.versions import publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(workspace: Workspace) -> ModelVersion:
    return publish(RegisteredModel.objects.create(workspace=workspace, slug="price", name="Price"))


def logged(
    version: ModelVersion,
    *,
    request_id: str = "r",
    row_number: int = 1,
    prediction: Any = 10.0,
    source: str = "api",
) -> uuid.UUID:
    key = uuid7()
    prediction_log.append(
        [
            LogRow(
                key, version.registered_model.workspace_id, version.pk, request_id, row_number, source, None, None,
                "{}", prediction_log.as_json({"prediction": prediction}), "[]", 1.0, timezone.now(),
            )
        ]
    )  # fmt: skip
    return key


def record(workspace: Workspace, *given: GivenActual | Fault, **more: Any) -> Receipt:
    return actuals.record(workspace, given, source="api", **more)


def test_a_value_is_stored_with_what_was_predicted(
    workspace: Workspace, version: ModelVersion, admin: User
) -> None:
    key = logged(version, prediction=9.5)

    receipt = record(workspace, GivenActual(1, "12.5", prediction=key), by=admin)

    assert (receipt.received, receipt.matched, receipt.waiting, receipt.refused) == (1, 1, 0, 0)
    actual = Actual.objects.get()
    assert (actual.model_version, actual.value, actual.is_current) == (version, 12.5, True)
    assert actual.output == {"prediction": 9.5}
    assert actual.predicted_at == PredictionLog.objects.get().created_at
    assert (actual.actor, actual.source) == (admin, "api")


def test_a_row_is_named_by_its_request_and_number(workspace: Workspace, version: ModelVersion) -> None:
    keys = [logged(version, request_id="night", row_number=number) for number in (1, 2, 3)]
    logged(version, request_id="other", row_number=2)

    record(workspace, GivenActual(1, 5, request_id="night", row_number=2))

    assert Actual.objects.get().prediction == keys[1]


def test_a_row_of_a_batch_is_found_by_its_number(workspace: Workspace, version: ModelVersion) -> None:
    base = uuid7()
    for key, number in zip(("00000001", "00000002"), (1, 2), strict=True):
        row = LogRow(
            base.hex[:24] + key, workspace.pk, version.pk, "b", number, "batch", None, None, "{}",
            '{"prediction":1}', "[]", 1.0, timezone.now(),
        )  # fmt: skip
        prediction_log.append([row])

    receipt = record(
        workspace,
        GivenActual(1, 5, request_id="b", row_number=2),
        GivenActual(2, 5, request_id="b", row_number=9),
    )

    assert (receipt.matched, receipt.waiting) == (1, 1)
    assert Actual.objects.get(model_version=version).prediction == uuid.UUID(base.hex[:24] + "00000002")


def test_the_last_value_counts_and_the_history_stays(workspace: Workspace, version: ModelVersion) -> None:
    key = logged(version)
    day = datetime(2026, 3, 1, tzinfo=UTC)

    record(workspace, GivenActual(1, 1, prediction=key, known_at=day))
    receipt = record(workspace, GivenActual(1, 2, prediction=key, known_at=day + timedelta(days=2)))
    assert (receipt.matched, receipt.corrected) == (1, 1)
    # It was known before the current one, and came late.
    record(workspace, GivenActual(1, 3, prediction=key, known_at=day + timedelta(days=1)))

    assert Actual.objects.get(is_current=True).value == 2
    assert sorted(each.value for each in Actual.objects.all()) == [1, 2, 3]
    assert [each.value for each in actuals.history_of(key)] == [3, 2, 1]


def test_within_one_call_the_last_value_counts_too(workspace: Workspace, version: ModelVersion) -> None:
    key = logged(version)
    day = datetime(2026, 3, 1, tzinfo=UTC)

    receipt = record(
        workspace,
        GivenActual(1, 2, prediction=key, known_at=day + timedelta(days=1)),
        GivenActual(2, 1, prediction=key, known_at=day),
    )

    assert receipt.matched == 2
    assert Actual.objects.get(is_current=True).value == 2


def test_the_same_value_again_changes_nothing(workspace: Workspace, version: ModelVersion) -> None:
    key = logged(version)
    record(workspace, GivenActual(1, 2, prediction=key))

    receipt = record(workspace, GivenActual(1, 2.0, prediction=key))

    assert (receipt.matched, receipt.unchanged) == (0, 1)
    assert Actual.objects.count() == 1


def test_a_value_waits_for_its_prediction(workspace: Workspace, version: ModelVersion) -> None:
    receipt = record(workspace, GivenActual(1, 7, request_id="later", row_number=1))
    assert (receipt.waiting, receipt.waiting_examples) == (1, ["later, row 1"])
    assert actuals.match_waiting() == 0

    key = logged(version, request_id="later")

    assert actuals.match_waiting() == 1
    assert Actual.objects.get(is_current=True).prediction == key
    assert actuals.match_waiting() == 0


def test_a_value_that_waited_does_not_replace_a_later_one(
    workspace: Workspace, version: ModelVersion
) -> None:
    key = uuid7()
    day = datetime(2026, 3, 1, tzinfo=UTC)
    record(workspace, GivenActual(1, 1, request_id="r", known_at=day))
    PredictionLog.objects.all().delete()
    key = logged(version)
    record(workspace, GivenActual(1, 2, prediction=key, known_at=day + timedelta(days=1)))

    actuals.match_waiting()

    assert Actual.objects.get(is_current=True).value == 2
    assert Actual.objects.filter(prediction=key).count() == 2


def test_wrong_values_are_refused_by_place_and_the_others_are_stored(
    workspace: Workspace, version: ModelVersion
) -> None:
    key = logged(version)

    receipt = record(
        workspace,
        Fault(1, "Line 1 is broken."),
        GivenActual(2, "abc", prediction=key),
        GivenActual(3, 4, prediction=key),
        GivenActual(4, 5, prediction=key, known_at=timezone.now() + timedelta(days=3)),
    )

    assert (receipt.received, receipt.matched, receipt.refused) == (4, 1, 3)
    assert [each.place for each in receipt.faults] == [1, 2, 4]
    assert "has to be a number" in receipt.faults[1].message


def test_predictions_of_another_workspace_are_not_found(
    workspace: Workspace, other_workspace: Workspace, version: ModelVersion
) -> None:
    key = logged(version)

    receipt = record(other_workspace, GivenActual(1, 4, prediction=key))

    assert receipt.waiting == 1
    assert actuals.match_waiting() == 0


def test_only_so_many_may_wait(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actuals, "MAX_WAITING", 3)
    record(workspace, GivenActual(1, 1, request_id="a"))

    receipt = record(workspace, *(GivenActual(place, 1, request_id=f"b{place}") for place in range(1, 5)))

    assert (receipt.waiting, receipt.refused) == (2, 2)
    assert Actual.objects.count() == 3


def test_values_are_kept_as_long_as_the_log(
    workspace: Workspace, version: ModelVersion, settings: Any
) -> None:
    key = logged(version)
    record(workspace, GivenActual(1, 4, prediction=key), GivenActual(2, 4, request_id="none"))
    settings.LOG_RETENTION_DAYS = 0
    assert actuals.forget_past_retention() == 0
    old = timezone.now() - timedelta(days=40)
    Actual.objects.update(predicted_at=old, created_at=old)
    Actual.objects.waiting().update(predicted_at=None)
    settings.LOG_RETENTION_DAYS = 30

    assert actuals.forget_past_retention() == 2
    assert not Actual.objects.exists()


def test_the_cost_of_a_value_does_not_grow_with_their_number(
    workspace: Workspace, version: ModelVersion, django_assert_max_num_queries: Any
) -> None:
    keys = [logged(version, row_number=number) for number in range(1, 101)]
    with django_assert_max_num_queries(12):
        record(workspace, *(GivenActual(place, place, prediction=key) for place, key in enumerate(keys, 1)))
    assert Actual.objects.filter(is_current=True).count() == 100
