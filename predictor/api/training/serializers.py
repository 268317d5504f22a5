"""Serializers of training runs: a run as JSON, and the requests that start or cancel one."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ...ml.types.monotone import Direction
from ...ml.types.reading_choice import MAX_LOST_SHARE
from ...ml.types.schema import Task
from ...ml.types.training_request import AGGREGATIONS, FREQUENCIES
from ...models import JobStatus, TrainingRun
from ..labels import note_field
from ..permissions import visible_traceback
from ..strict import StrictSerializer

FORECAST_FIELDS = (
    "date_column", "group_column", "horizon", "frequency", "aggregation", "known_columns", "static_columns", "holidays",
)  # fmt: skip


def column_name(help_text: str) -> serializers.CharField:
    """A column of the table, which may be left out. Blanks are part of a name."""
    return serializers.CharField(
        required=False, allow_null=True, max_length=200, trim_whitespace=False, help_text=help_text
    )


def column_names(help_text: str) -> serializers.ListField:
    """Columns of the table, which may be left out."""
    child = serializers.CharField(max_length=200, trim_whitespace=False)
    return serializers.ListField(required=False, allow_null=True, child=child, help_text=help_text)


class RunSummarySerializer(serializers.ModelSerializer[TrainingRun]):
    """A run in a list."""

    url = serializers.SerializerMethodField()
    registered_model = serializers.CharField(source="registered_model.slug")
    model_version = serializers.IntegerField(
        source="model_version.number", allow_null=True, default=None, help_text="The version that came of it."
    )
    created_by = serializers.EmailField(source="created_by.email", allow_null=True, default=None)

    class Meta:
        model = TrainingRun
        fields = [
            "id",
            "status",
            "url",
            "dataset",
            "target",
            "task",
            "estimator",
            "registered_model",
            "model_version",
            "progress",
            "progress_message",
            "error",
            "created_at",
            "created_by",
            "started_at",
            "finished_at",
        ]

    def get_url(self, run: TrainingRun) -> str:
        workspace = self.context["view"].workspace.slug
        path = reverse("api-training-run", kwargs={"workspace": workspace, "pk": run.pk})
        return str(self.context["request"].build_absolute_uri(path))


class SplitSerializer(StrictSerializer):
    """Which rows judge the model."""

    kind = serializers.CharField(
        max_length=20, help_text="random, time (rows that come later judge) or group (whole groups judge)."
    )
    column = column_name("The column of times or groups; none for random.")


class CategoryReadingSerializer(StrictSerializer):
    """How the categories of one column are read."""

    kind = serializers.CharField(max_length=20, help_text="text.")
    ignores = serializers.ListField(
        required=False,
        child=serializers.CharField(max_length=20),
        help_text="Differences that make no other category: case (Yes is yes), numbers (3.0 is 3). Blanks at the "
        "ends and the Unicode form never do.",
    )
    missing = serializers.ListField(
        required=False,
        child=serializers.CharField(max_length=200),
        help_text="Words that mean missing, in upper or lower case. Rows with such a target are left out.",
    )


class ThresholdSerializer(StrictSerializer):
    """What the decision threshold of two classes is chosen by, on out-of-fold predictions."""

    by = serializers.CharField(
        max_length=20,
        help_text="f1; cost (with false_positive and false_negative); precision or recall (with at_least); "
        "fixed (with value).",
    )
    false_positive = serializers.FloatField(required=False, allow_null=True)
    false_negative = serializers.FloatField(required=False, allow_null=True)
    at_least = serializers.FloatField(required=False, allow_null=True)
    value = serializers.FloatField(required=False, allow_null=True)


@extend_schema_field({"type": ["string", "number", "boolean"]})
class LabelField(serializers.JSONField):
    """The label of a class as JSON."""


def positive_class_field(help_text: str) -> LabelField:
    return LabelField(required=False, allow_null=True, help_text=help_text)


def monotone_field(**options: Any) -> serializers.DictField:
    """Directions by column."""
    message = 'There is no direction "{input}". Choose increasing or decreasing.'
    return serializers.DictField(
        child=serializers.ChoiceField(list(Direction), error_messages={"invalid_choice": message}),
        help_text="Columns of numbers that the prediction follows in one direction only, by name: increasing (it "
        "never falls when the column rises) or decreasing (it never rises). Of two classes, the prediction is the "
        "probability of the positive one; for other tasks it is refused.",
        **options,
    )


class NewThresholdSerializer(ThresholdSerializer):
    """The threshold of a new version, and the class that it is of."""

    positive_class = positive_class_field(
        "The class that the threshold is of; that of the version if left out."
    )


class RunSerializer(RunSummarySerializer):
    """A run: what was asked, how it goes, what came of it. The traceback is for its owner and for admins."""

    traceback = serializers.SerializerMethodField()
    split = SplitSerializer()
    threshold = serializers.DictField(help_text="What the decision threshold is chosen by; empty: 0.5.")
    leaderboard = serializers.ListField(child=serializers.DictField())
    metrics = serializers.DictField()
    warnings = serializers.ListField(child=serializers.JSONField())
    forecast = serializers.DictField(help_text="What a forecast is of; empty for other tasks.")
    readings = serializers.DictField(
        child=CategoryReadingSerializer(), help_text="How the categories of columns were asked to be read."
    )
    monotone = monotone_field()

    class Meta(RunSummarySerializer.Meta):
        fields = [
            *RunSummarySerializer.Meta.fields,
            "params",
            "roles",
            "max_lost_share",
            "split",
            "threshold",
            "positive_class",
            "forecast",
            "readings",
            "monotone",
            "weight_column",
            "budget_seconds",
            "seed",
            "leaderboard",
            "metrics",
            "warnings",
            "attempts",
            "attempt_log",
            "is_cancel_requested",
            "traceback",
            "note",
        ]

    def get_traceback(self, run: TrainingRun) -> str:
        return visible_traceback(run, self.context["request"].user, self.context["view"].membership)


class RunRequestSerializer(StrictSerializer):
    """What to train. The task is found from the target when it is not given."""

    dataset = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    target = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=200,
        trim_whitespace=False,
        help_text="The column to predict; left out for a task without target.",
    )
    registered_model = serializers.CharField(
        max_length=120, help_text="A model's slug, or a name for a new one."
    )
    task = serializers.CharField(required=False, allow_null=True, help_text=" or ".join(sorted(Task)) + ".")
    estimator = serializers.CharField(required=False, max_length=60, default="auto")
    params = serializers.DictField(required=False, child=serializers.JSONField(allow_null=True))
    roles = serializers.DictField(required=False, child=serializers.CharField())
    max_lost_share = serializers.FloatField(
        required=False,
        allow_null=True,
        help_text="The largest share of a column's filled cells that a role may empty; "
        f"{MAX_LOST_SHARE:g} when not given.",
    )
    readings = serializers.DictField(
        required=False,
        child=CategoryReadingSerializer(),
        help_text="How the categories of columns are read, by column; beside what the dataset joins already.",
    )
    monotone = monotone_field(required=False, allow_null=True)
    weight_column = column_name(
        "A column of numbers of 0 or more that say how much each row counts: in fits, scores and intervals. A weight "
        "of 2 is the row twice, 0 leaves it out. It is no feature, and a prediction does not need it."
    )
    split = SplitSerializer(required=False, allow_null=True)
    threshold = ThresholdSerializer(required=False, allow_null=True)
    positive_class = positive_class_field(
        "Of two classes, the one that is looked for; found from names and numbers of rows when not given."
    )
    budget_seconds = serializers.FloatField(required=False, allow_null=True)
    effort = serializers.CharField(
        required=False,
        allow_null=True,
        help_text="Instead of budget_seconds: quick (10 s), standard (60 s) or thorough (10 min).",
    )
    seed = serializers.IntegerField(required=False, allow_null=True)
    date_column = column_name("For forecasting: the column of the dates.")
    group_column = column_name("For forecasting: the column that names the series, where there are several.")
    horizon = serializers.IntegerField(
        required=False, allow_null=True, help_text="For forecasting: how many periods ahead."
    )
    frequency = serializers.ChoiceField(
        FREQUENCIES, required=False, allow_null=True, help_text="For forecasting: found when not given."
    )
    aggregation = serializers.ChoiceField(
        AGGREGATIONS,
        required=False,
        allow_null=True,
        help_text="For forecasting: how rows of one period are joined; refused when not given.",
    )
    known_columns = column_names(
        "For forecasting: columns whose values of the future are known when a forecast is made, such as a price. A "
        "request for predictions gives them."
    )
    static_columns = column_names(
        "For forecasting: columns with one value for each series, such as a region."
    )
    holidays = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=20,
        help_text="For forecasting: the country whose public holidays are used, as DE, or a part of it, as DE-BY.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Move the forecasting fields into one dict, `forecast`."""
        forecast = {name: attrs.pop(name) for name in FORECAST_FIELDS if name in attrs}
        return {**attrs, "forecast": forecast}


class RunChangeSerializer(StrictSerializer):
    status = serializers.ChoiceField([JobStatus.CANCELLED.value], required=False)
    note = note_field()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError({"status": ["Give what is to be changed."]})
        return attrs
