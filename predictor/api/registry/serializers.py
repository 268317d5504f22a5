"""Serializers of registered models, versions and aliases."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ...ml.types.left_out import Part
from ...ml.types.monotone import Direction
from ...models import AliasChange, JobStatus, ModelAlias, ModelVersion, RegisteredModel
from ...services.prediction_log.activity import RANGES, Outcomes, Period
from ...services.registry.absent_parts import PartState, absent_parts, completion_of
from ..labels import note_field, tag_list, tags_field
from ..strict import StrictSerializer


class RegisteredModelSerializer(serializers.ModelSerializer[RegisteredModel]):
    n_versions = serializers.IntegerField(source="last_version_number", read_only=True)
    aliases = serializers.SerializerMethodField(help_text="{alias: version number}")

    tags = tag_list()

    class Meta:
        model = RegisteredModel
        fields = ["slug", "name", "description", "tags", "n_versions", "aliases", "created_at"]

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_aliases(self, model: RegisteredModel) -> dict[str, int]:
        return {each.alias: each.model_version.number for each in model.aliases.all()}


class RegisteredModelChangeSerializer(StrictSerializer):
    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    tags = tags_field()


class VersionSummarySerializer(serializers.ModelSerializer[ModelVersion]):
    """A version in a list."""

    model = serializers.CharField(source="registered_model.slug")
    aliases = serializers.SerializerMethodField()
    created_by = serializers.EmailField(source="created_by.email", allow_null=True, default=None)
    is_archived = serializers.BooleanField()
    made_from = serializers.IntegerField(
        source="made_from.number",
        allow_null=True,
        default=None,
        help_text="The version whose estimators it shares, with another threshold.",
    )

    tags = tag_list()

    class Meta:
        model = ModelVersion
        fields = [
            "model",
            "number",
            "aliases",
            "note",
            "tags",
            "task",
            "estimator",
            "metrics",
            "is_compiled",
            "is_archived",
            "n_bytes",
            "dataset",
            "training_run",
            "made_from",
            "threshold",
            "created_at",
            "created_by",
        ]

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_aliases(self, version: ModelVersion) -> list[str]:
        return [each.alias for each in version.aliases.all()]


class FieldSerializer(serializers.Serializer[Any]):
    """One input: what callers may send and what training saw."""

    name = serializers.CharField()
    role = serializers.CharField()
    has_missing = serializers.BooleanField()
    is_integer = serializers.BooleanField()
    minimum = serializers.JSONField(help_text="A number, ISO 8601 text for dates, or null.")
    maximum = serializers.JSONField()
    typical = serializers.JSONField()
    levels = serializers.ListField(child=serializers.CharField())


class SignatureSerializer(serializers.Serializer[Any]):
    """Inputs and output. `classes` is empty for regression."""

    target = serializers.CharField()
    task = serializers.CharField()
    fields_ = FieldSerializer(many=True)
    classes = serializers.ListField(child=serializers.JSONField())
    left_out = serializers.DictField(child=serializers.CharField())
    positive_class = serializers.CharField(required=False, help_text="Of two classes, as text.")
    class_texts = serializers.ListField(
        required=False,
        child=serializers.CharField(),
        help_text="The classes as the data and CSV results write them, where JSON has truth values for True and False.",
    )

    def get_fields(self) -> dict[str, Any]:
        # A serializer has an attribute `fields`, so a field of that name cannot be declared.
        fields = super().get_fields()
        fields["fields"] = fields.pop("fields_")
        return fields


class MonotoneSerializer(serializers.Serializer[Any]):
    """A column that the prediction follows in one direction only, as it was checked on what serves."""

    column = serializers.CharField()
    direction = serializers.ChoiceField(
        list(Direction), help_text="Of two classes, where the probability of the positive one goes."
    )
    n_rows = serializers.IntegerField(help_text="Rows that were tried.")
    n_values = serializers.IntegerField(help_text="Values of the column that each was tried with.")
    largest_violation = serializers.FloatField(
        help_text="The largest step in the other direction, as a share of the target's standard deviation (of a "
        "probability: as it is). Up to 0.00001 is rounding."
    )
    holds = serializers.BooleanField()


class WeightingSerializer(serializers.Serializer[Any]):
    """Rows that count by a column, and as how many equal rows they count: (sum of weights)² / sum of squares."""

    column = serializers.CharField()
    n_rows = serializers.IntegerField()
    n_effective = serializers.FloatField()
    n_held_out = serializers.IntegerField()
    n_held_out_effective = serializers.FloatField()


class VersionSerializer(VersionSummarySerializer):
    """Everything about a version but the evaluation report."""

    signature = serializers.SerializerMethodField()
    positive_class = serializers.CharField(
        source="signature.positive_name",
        help_text="Of two classes, the one that threshold, precision and recall are of; else empty.",
    )
    baseline = serializers.SerializerMethodField(help_text="The metrics of the dummy baseline.")
    monotone = serializers.SerializerMethodField(
        help_text="The columns that the prediction follows in one direction only; empty where none was asked for."
    )

    weighting = serializers.SerializerMethodField(
        help_text="By which column its rows were weighted; null where all count the same."
    )

    class Meta(VersionSummarySerializer.Meta):
        fields = [
            *VersionSummarySerializer.Meta.fields,
            "params",
            "signature",
            "positive_class",
            "baseline",
            "monotone",
            "weighting",
            "parity",
            "artifacts",
            "dataset_sha256",
            "warnings",
            "libraries",
            "archived_at",
        ]

    @extend_schema_field(SignatureSerializer)
    def get_signature(self, version: ModelVersion) -> Any:
        return version.signature_json

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_baseline(self, version: ModelVersion) -> Any:
        return version.evaluation.get("baseline") or {}

    @extend_schema_field(WeightingSerializer(allow_null=True))
    def get_weighting(self, version: ModelVersion) -> Any:
        return version.evaluation.get("weighting")

    @extend_schema_field(MonotoneSerializer(many=True))
    def get_monotone(self, version: ModelVersion) -> Any:
        return version.evaluation.get("monotone") or []


class AbsentPartSerializer(serializers.Serializer[Any]):
    """A part of the report that the training run left out."""

    part = serializers.ChoiceField([(part.value, part.label) for part in Part])
    title = serializers.CharField(source="part.label")
    names = serializers.ListField(
        child=serializers.CharField(),
        help_text="The columns, baselines or methods that it lacks; empty for the whole part.",
    )
    left_out = serializers.CharField(help_text="Why it was left out.")
    state = serializers.ChoiceField([state.value for state in PartState])
    sentence = serializers.CharField(
        help_text="What becomes of it; for impossible, why it cannot be computed."
    )


class CompletionSerializer(serializers.Serializer[ModelVersion]):
    """What was left out of a version's report for lack of time, and the job that computes it."""

    model = serializers.CharField(source="registered_model.slug")
    version = serializers.IntegerField(source="number")
    parts = serializers.SerializerMethodField()
    status = serializers.SerializerMethodField(help_text="Of the job; null when there was none.")
    progress = serializers.SerializerMethodField()
    progress_message = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    attempts = serializers.SerializerMethodField()
    queued_at = serializers.SerializerMethodField()
    finished_at = serializers.SerializerMethodField()

    @extend_schema_field(AbsentPartSerializer(many=True))
    def get_parts(self, version: ModelVersion) -> Any:
        return AbsentPartSerializer(absent_parts(version), many=True).data

    @extend_schema_field(serializers.ChoiceField(JobStatus.choices, allow_null=True))
    def get_status(self, version: ModelVersion) -> Any:
        return self._of_job(version, "status")

    @extend_schema_field(serializers.FloatField(allow_null=True))
    def get_progress(self, version: ModelVersion) -> Any:
        return self._of_job(version, "progress")

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_progress_message(self, version: ModelVersion) -> Any:
        return self._of_job(version, "progress_message")

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_error(self, version: ModelVersion) -> Any:
        return self._of_job(version, "error")

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_attempts(self, version: ModelVersion) -> Any:
        return self._of_job(version, "attempts")

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_queued_at(self, version: ModelVersion) -> Any:
        return self._of_job(version, "queued_at")

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_finished_at(self, version: ModelVersion) -> Any:
        return self._of_job(version, "finished_at")

    def _of_job(self, version: ModelVersion, field: str) -> Any:
        return getattr(completion_of(version), field, None)


class CompletionChangeSerializer(StrictSerializer):
    status = serializers.ChoiceField([JobStatus.CANCELLED.value])


class VersionChangeSerializer(StrictSerializer):
    is_archived = serializers.BooleanField(
        required=False, help_text="An archived version does not serve; it stays readable."
    )
    note = note_field()
    tags = tags_field()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError({"is_archived": ["Give what is to be changed."]})
        return attrs


class AliasSerializer(serializers.ModelSerializer[ModelAlias]):
    version = serializers.IntegerField(source="model_version.number")

    class Meta:
        model = ModelAlias
        fields = ["alias", "version", "updated_at"]


class AliasChangeSerializer(serializers.ModelSerializer[AliasChange]):
    """One move of an alias. `version` is null where the alias was taken away."""

    version = serializers.IntegerField(source="model_version.number", allow_null=True, default=None)
    previous_version = serializers.IntegerField(
        source="previous_version.number", allow_null=True, default=None
    )
    changed_by = serializers.EmailField(source="changed_by.email", allow_null=True, default=None)

    class Meta:
        model = AliasChange
        fields = ["alias", "version", "previous_version", "is_roll_back", "changed_at", "changed_by"]


class AliasTargetSerializer(StrictSerializer):
    """Where to point the alias: at a version, or with `roll_back` at the one it pointed at before."""

    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)
    roll_back = serializers.BooleanField(required=False, default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("version" in attrs) == attrs["roll_back"]:
            raise serializers.ValidationError("Give either a version or roll_back: true.")
        return attrs


class ComparedSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    a = serializers.JSONField()
    b = serializers.JSONField()


class ComparedMetricSerializer(ComparedSerializer):
    better = serializers.ChoiceField(
        ["a", "b"],
        allow_null=True,
        help_text="Shown by a paired test on the same held-out rows; null without one, or for no clear difference.",
    )
    difference = serializers.FloatField(allow_null=True, help_text="b − a; null where it is not tested.")
    low = serializers.FloatField(allow_null=True, help_text="Of its 95 % interval.")
    high = serializers.FloatField(allow_null=True)


class ComparisonVerdictSerializer(serializers.Serializer[Any]):
    """Which version is better by the metric that candidates are chosen by, as a paired test shows it."""

    sentence = serializers.CharField()
    better = serializers.ChoiceField(["a", "b"], allow_null=True)
    is_tested = serializers.BooleanField()
    metric = serializers.CharField()
    n_rows = serializers.IntegerField()


class ComparedValueSerializer(ComparedSerializer):
    is_same = serializers.BooleanField()


class ComparisonSerializer(serializers.Serializer[Any]):
    """Two versions side by side."""

    a = serializers.IntegerField(source="a.number")
    b = serializers.IntegerField(source="b.number")
    is_same_data = serializers.BooleanField(
        help_text="One dataset and one target: the metrics can be weighed."
    )
    verdict = ComparisonVerdictSerializer()
    metrics = ComparedMetricSerializer(many=True)
    params = ComparedValueSerializer(many=True)
    features = ComparedValueSerializer(many=True)
    facts = ComparedValueSerializer(many=True)
    dataset = ComparedValueSerializer(many=True)


class ComparisonQuerySerializer(serializers.Serializer[Any]):
    a = serializers.IntegerField(min_value=1, max_value=2**31 - 1, help_text="A version's number.")
    b = serializers.IntegerField(min_value=1, max_value=2**31 - 1, help_text="Another version's number.")


class ActivityQuerySerializer(StrictSerializer):
    range = serializers.ChoiceField(
        choices=list(RANGES),
        default="30d",
        help_text="`day`: 24 hours; `30d`: 30 days; `year`: 53 weeks that begin on Monday.",
    )
    day = serializers.DateField(
        required=False,
        allow_null=True,
        default=None,
        help_text="With `range=day`: the hours of this day in UTC.",
    )
    version = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        max_value=2**31 - 1,
        help_text="Only this version, with its `outcomes`; all versions together have none.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["day"] and attrs["range"] != "day":
            raise serializers.ValidationError({"day": "A day has hours: ask for it with range=day."})
        return attrs


class ActivityCountsSerializer(serializers.Serializer[Any]):
    """What was predicted in some time. A batch is one request. Means are null where nothing was counted."""

    n_rows = serializers.IntegerField(help_text="Predictions.")
    n_requests = serializers.IntegerField()
    n_with_warnings = serializers.IntegerField(help_text="Predictions with at least one warning.")
    n_errors = serializers.IntegerField(help_text="Rows without a finite answer.")
    warning_share = serializers.FloatField(allow_null=True)
    mean_latency_ms = serializers.FloatField(allow_null=True, help_text="Of a request.")
    mean_confidence = serializers.FloatField(
        source="mean_sureness", allow_null=True, help_text="The mean of the largest probability."
    )
    mean_score = serializers.FloatField(
        allow_null=True,
        help_text="Of the predicted numbers, the probabilities of the positive class of two or of the predicted class "
        "of several, or the scores of anomaly detection.",
    )
    score_deviation = serializers.FloatField(allow_null=True, help_text="Their standard deviation.")


class ActivityPeriodSerializer(ActivityCountsSerializer):
    start = serializers.DateTimeField()

    def to_representation(self, instance: Period) -> dict[str, Any]:
        counts = ActivityCountsSerializer().to_representation(instance.counts)
        return {"start": self.fields["start"].to_representation(instance.start), **counts}


class ClassCountSerializer(serializers.Serializer[Any]):
    label = serializers.JSONField()
    n_rows = serializers.IntegerField()


class OutcomesSerializer(serializers.Serializer[Any]):
    """What one version answered in the whole range."""

    classes = serializers.SerializerMethodField(
        help_text="The predicted classes, at most 50; empty for numbers."
    )
    n_other_classes = serializers.IntegerField()
    edges = serializers.ListField(
        child=serializers.FloatField(),
        help_text="Inner edges of the score's bins, fixed for the version: quantiles of its held-out predictions, or "
        "twentieths of a probability. A bin holds its upper edge.",
    )
    bins = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="Rows in each bin: one more than edges; empty without edges.",
    )
    score_min = serializers.FloatField(allow_null=True)
    score_max = serializers.FloatField(allow_null=True)

    @extend_schema_field(ClassCountSerializer(many=True))
    def get_classes(self, outcomes: Outcomes) -> list[dict[str, Any]]:
        return [{"label": label, "n_rows": n} for label, n in outcomes.classes]


class ActivitySerializer(serializers.Serializer[Any]):
    """Predictions over time, counted from the prediction log every few seconds. Times are in UTC."""

    range = serializers.CharField()
    unit = serializers.ChoiceField(choices=["hour", "day", "week"], help_text="What one period is.")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    total = ActivityCountsSerializer()
    sources = serializers.DictField(child=serializers.IntegerField(), help_text="{interface: predictions}")
    warnings = serializers.DictField(
        child=serializers.IntegerField(), help_text="{code of the warning: predictions with it}"
    )
    periods = ActivityPeriodSerializer(many=True, help_text="Oldest first; the last one is not over yet.")
    outcomes = OutcomesSerializer(allow_null=True)
    counted_to = serializers.DateTimeField(
        allow_null=True,
        help_text="Set when predictions after this time are not counted yet, as no worker ran.",
    )
