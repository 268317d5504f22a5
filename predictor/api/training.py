"""`/api/v1/{workspace}/training-runs`, and the catalogue of estimators."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ..ml.request import AGGREGATIONS, FREQUENCIES
from ..ml.schema import Task
from ..models import Dataset, JobStatus, TrainingRun, WorkspaceRole
from ..services import estimators, training
from .idempotency import idempotent
from .permissions import READS, WRITES, HasScopeAndRole
from .viewsets import METHODS, WorkspaceViewSet, actor_of


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


class SplitSerializer(serializers.Serializer[Any]):
    """Which rows judge the model."""

    kind = serializers.CharField(
        max_length=20, help_text="random, time (rows that come later judge) or group (whole groups judge)."
    )
    column = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=200,
        trim_whitespace=False,
        help_text="The column of times or groups; none for random.",
    )


class ThresholdSerializer(serializers.Serializer[Any]):
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


class RunSerializer(RunSummarySerializer):
    """A run: what was asked, how it goes, what came of it. The traceback is for its owner and for admins."""

    traceback = serializers.SerializerMethodField()
    split = SplitSerializer()
    threshold = serializers.DictField(help_text="What the decision threshold is chosen by; empty: 0.5.")
    leaderboard = serializers.ListField(child=serializers.DictField())
    metrics = serializers.DictField()
    warnings = serializers.ListField(child=serializers.JSONField())
    forecast = serializers.DictField(help_text="What a forecast is of; empty for other tasks.")

    class Meta(RunSummarySerializer.Meta):
        fields = [
            *RunSummarySerializer.Meta.fields,
            "params",
            "roles",
            "split",
            "threshold",
            "forecast",
            "budget_seconds",
            "seed",
            "leaderboard",
            "metrics",
            "warnings",
            "attempts",
            "attempt_log",
            "is_cancel_requested",
            "traceback",
        ]

    def get_traceback(self, run: TrainingRun) -> str:
        is_owner = run.created_by_id == self.context["request"].user.pk
        return run.traceback if is_owner or self.context["view"].membership.can(WorkspaceRole.ADMIN) else ""


FORECAST_FIELDS = ("date_column", "group_column", "horizon", "frequency", "aggregation")


class RunRequestSerializer(serializers.Serializer[Any]):
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
    split = SplitSerializer(required=False, allow_null=True)
    threshold = ThresholdSerializer(required=False, allow_null=True)
    budget_seconds = serializers.FloatField(required=False, allow_null=True)
    effort = serializers.CharField(
        required=False,
        allow_null=True,
        help_text="Instead of budget_seconds: quick (10 s), standard (60 s) or thorough (10 min).",
    )
    seed = serializers.IntegerField(required=False, allow_null=True)
    date_column = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=200,
        trim_whitespace=False,
        help_text="For forecasting: the column of the dates.",
    )
    group_column = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=200,
        trim_whitespace=False,
        help_text="For forecasting: the column that names the series, where there are several.",
    )
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

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What is for forecasting goes together."""
        forecast = {name: attrs.pop(name) for name in FORECAST_FIELDS if name in attrs}
        return {**attrs, "forecast": forecast}


class RunChangeSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField([JobStatus.CANCELLED.value])


class RunFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=JobStatus.choices)
    registered_model = filters.CharFilter(field_name="registered_model__slug", label="A model's slug.")
    dataset = filters.NumberFilter(field_name="dataset_id", min_value=1, max_value=2**63 - 1)

    class Meta:
        model = TrainingRun
        fields = ["status", "registered_model", "dataset"]


@extend_schema(tags=["training runs"])
class TrainingRunViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, WorkspaceViewSet):
    """Attempts to learn a target of a dataset."""

    needs = {"list": READS, "retrieve": READS, "create": WRITES, "partial_update": WRITES}
    queryset = TrainingRun.objects.select_related("registered_model", "model_version", "created_by").defer(
        "model_version__evaluation"
    )
    filterset_class = RunFilter

    def get_queryset(self) -> Any:
        found = super().get_queryset()
        return (
            found.defer("leaderboard", "attempt_log", "traceback", "metrics")
            if self.action == "list"
            else found
        )

    def get_serializer_class(self) -> Any:
        return RunSummarySerializer if self.action == "list" else RunSerializer

    @extend_schema(request=RunRequestSerializer, responses={202: RunSerializer})
    @idempotent(is_atomic=True)
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Queue a run. Poll its `url` until `status` is succeeded, failed or cancelled."""
        asked = RunRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        dataset = Dataset.objects.filter(workspace=self.workspace, pk=wanted.pop("dataset")).first()
        if dataset is None:
            raise ValidationError({"dataset": ["There is no such dataset in this workspace."]})
        run = training.start_run(dataset=dataset, by=actor_of(request), **wanted)
        data = self.get_serializer(run).data
        return Response(data, status=202, headers={"Location": data["url"]})

    @extend_schema(request=RunChangeSerializer)
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Cancel a run: `{"status": "cancelled"}`. Its work stops within seconds."""
        asked = RunChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        run = training.cancel(run=self.get_object(), by=actor_of(request))
        run.refresh_from_db()
        return Response(self.get_serializer(run).data)


class HyperparameterSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(["integer", "number", "boolean", "choice"])
    default = serializers.JSONField()
    help = serializers.CharField()
    minimum = serializers.FloatField(allow_null=True)
    maximum = serializers.FloatField(allow_null=True)
    choices = serializers.ListField(child=serializers.CharField())
    is_optional = serializers.BooleanField()
    tasks = serializers.SerializerMethodField()

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_tasks(self, row: Any) -> list[str]:
        return sorted(row.tasks)


class EstimatorSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField()
    summary = serializers.CharField()
    tasks = serializers.SerializerMethodField()
    hyperparameters = HyperparameterSerializer(many=True)

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_tasks(self, info: Any) -> list[str]:
        return sorted(info.tasks)


@extend_schema(tags=["training runs"])
class EstimatorListView(APIView):
    """What can be trained. "auto" tries several of these within the time budget and keeps the best."""

    http_method_names = METHODS
    permission_classes = [HasScopeAndRole]
    needs = {"get": READS}

    @extend_schema(responses=EstimatorSerializer(many=True), operation_id="estimators_list")
    def get(self, request: Request) -> Response:
        return Response(EstimatorSerializer(estimators.catalogue(), many=True).data)
