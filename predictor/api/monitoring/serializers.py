"""Serializers of actual values and of quality on live rows."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ...models import Actual
from ...services.monitoring.actuals import Receipt
from ...services.monitoring.live_quality import LONGEST_DAYS, LiveQuality
from ..predictions.serializers import ScalarField
from ..strict import StrictSerializer

MAX_ACTUALS = 10_000


class GivenActualSerializer(serializers.Serializer[Any]):
    """One actual value. The prediction is named by its id, or by its request and the row's number in it."""

    prediction = serializers.UUIDField(required=False, help_text="The id of the answered row.")
    request_id = serializers.CharField(required=False, max_length=64, help_text="Instead of the id.")
    row_number = serializers.IntegerField(
        required=False, min_value=1, help_text="The row's place in the request, from 1."
    )
    value = ScalarField(help_text="A number, or one of the classes.")
    known_at = serializers.DateTimeField(required=False, help_text="When it became known; now unless given.")


class ActualsSerializer(StrictSerializer):
    actuals = serializers.ListField(
        child=serializers.DictField(), min_length=1, max_length=MAX_ACTUALS, help_text="Actual values."
    )


class ActualsRequestSerializer(serializers.Serializer[Any]):
    """Actual values of predictions, at most 10,000."""

    actuals = GivenActualSerializer(many=True)


class ActualsFileSerializer(StrictSerializer):
    """A CSV or JSON lines file with the columns `prediction`, or `request_id` and `row_number`, and `value`."""

    file = serializers.FileField()
    encoding = serializers.CharField(required=False)
    delimiter = serializers.CharField(required=False)


class FaultSerializer(serializers.Serializer[Any]):
    place = serializers.IntegerField(help_text="The place of the value among those that were sent, from 1.")
    message = serializers.CharField()


class ReceiptSerializer(serializers.Serializer[Receipt]):
    """What became of the values. `matched` counts those stored with their prediction, corrections included."""

    received = serializers.IntegerField()
    matched = serializers.IntegerField()
    corrected = serializers.IntegerField(help_text="Of those matched: another value was there before.")
    unchanged = serializers.IntegerField(help_text="The same value was there; nothing was stored.")
    waiting = serializers.IntegerField(
        help_text="Stored; no such prediction is known yet, it is tried again."
    )
    other_classes = serializers.IntegerField(help_text="Stored; the version knows no such class.")
    refused = serializers.IntegerField(help_text="Not stored, for a reason in `faults`.")
    faults = FaultSerializer(many=True, help_text="The first ones.")
    waiting_examples = serializers.ListField(child=serializers.CharField(), help_text="The first ones.")


class ActualSerializer(serializers.ModelSerializer[Actual]):
    """One stored value. `model` and `version` are null while it waits for its prediction."""

    model = serializers.CharField(source="model_version.registered_model.slug", allow_null=True, default=None)
    version = serializers.IntegerField(source="model_version.number", allow_null=True, default=None)
    value = ScalarField()
    actor = serializers.EmailField(source="actor.email", allow_null=True, default=None)

    class Meta:
        model = Actual
        fields = [
            "id", "prediction", "request_id", "row_number", "model", "version", "value", "known_at", "is_current",
            "predicted_at", "source", "actor", "created_at",
        ]  # fmt: skip


class FigureSerializer(serializers.Serializer[Any]):
    """A metric on live rows. `is_other`: its 95 % interval does not hold the held-out figure."""

    name = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    interval = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    held_out = serializers.FloatField(allow_null=True)
    is_other = serializers.BooleanField()


class PeriodQualitySerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    n_rows = serializers.IntegerField()
    value = serializers.FloatField()


class LiveQualitySerializer(serializers.Serializer[LiveQuality]):
    """How one version did on rows of the last days whose actual values are known."""

    version = serializers.IntegerField(source="version.number")
    since = serializers.DateTimeField()
    n_predictions = serializers.IntegerField(
        allow_null=True, help_text="From the summary of the log; null while the summary is behind."
    )
    n_actuals = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True, help_text="Predictions with an actual value.")
    n_rows = serializers.IntegerField(help_text="Those that were judged: at most the newest 20,000.")
    n_other_classes = serializers.IntegerField()
    n_unanswered = serializers.IntegerField()
    last_known_at = serializers.DateTimeField(allow_null=True)
    figures = FigureSerializer(many=True)
    confusion = serializers.SerializerMethodField(help_text="Counts (true class, predicted class), or null.")
    course_of = serializers.CharField(help_text="The metric of `course`.")
    course = PeriodQualitySerializer(many=True, help_text="By day up to 31 days, else by week.")

    def get_confusion(self, quality: LiveQuality) -> list[list[int]] | None:
        return quality.performance.confusion if quality.performance else None


class LiveQualityQuerySerializer(serializers.Serializer[Any]):
    days = serializers.IntegerField(required=False, default=30, min_value=1, max_value=LONGEST_DAYS)
