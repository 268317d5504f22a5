"""Serializers of batch predictions: a batch as JSON, and the requests that start or cancel one."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ...models import BatchFormat, BatchPrediction, JobStatus
from ..permissions import visible_traceback
from ..strict import StrictSerializer
from ..uploads import LineOptionsSerializer


class BatchSummarySerializer(serializers.ModelSerializer[BatchPrediction]):
    """A batch in a list."""

    url = serializers.SerializerMethodField()
    registered_model = serializers.CharField(source="registered_model.slug")
    model_version = serializers.IntegerField(source="model_version.number")
    created_by = serializers.EmailField(source="created_by.email", allow_null=True, default=None)
    n_rows_total = serializers.IntegerField(allow_null=True, help_text="Null until it is known.")
    result_url = serializers.SerializerMethodField(help_text="Null while there is no result.")

    class Meta:
        model = BatchPrediction
        fields = [
            "id",
            "status",
            "url",
            "result_url",
            "registered_model",
            "model_version",
            "filename",
            "format",
            "dataset",
            "n_rows_total",
            "n_rows_done",
            "n_errors",
            "n_warnings",
            "progress",
            "progress_message",
            "error",
            "created_at",
            "created_by",
            "started_at",
            "finished_at",
        ]

    def get_url(self, batch: BatchPrediction) -> str:
        return self._url("api-batch", batch)

    @extend_schema_field({"type": ["string", "null"]})
    def get_result_url(self, batch: BatchPrediction) -> str | None:
        return self._url("api-batch-result", batch) if batch.has_result else None

    def _url(self, name: str, batch: BatchPrediction) -> str:
        request = self.context["request"]
        url_kwargs = {
            "workspace": self.context["workspace"],
            "model": batch.registered_model.slug,
            "pk": batch.pk,
        }
        return str(request.build_absolute_uri(reverse(name, kwargs=url_kwargs)))


class RowErrorSerializer(serializers.Serializer[Any]):
    row = serializers.IntegerField()
    message = serializers.CharField()


class BatchSerializer(BatchSummarySerializer):
    """A batch: what was asked, how far it is, what came of it. The traceback is for its owner and for admins."""

    row_errors = RowErrorSerializer(many=True, help_text="The first 100 rows that got no answer.")
    warnings = serializers.ListField(child=serializers.CharField(), help_text="About the whole file.")
    traceback = serializers.SerializerMethodField()

    class Meta(BatchSummarySerializer.Meta):
        fields = [
            *BatchSummarySerializer.Meta.fields,
            "n_bytes",
            "result_bytes",
            "result_removed_at",
            "is_strict",
            "coverage",
            "request_id",
            "row_errors",
            "warnings",
            "attempts",
            "attempt_log",
            "is_cancel_requested",
            "traceback",
        ]

    def get_traceback(self, batch: BatchPrediction) -> str:
        return visible_traceback(batch, self.context["request"].user, self.context["membership"])


class BatchUploadSerializer(LineOptionsSerializer):
    """A file (CSV, Parquet or JSON lines) and what the caller says about it; what is left out is found."""

    file = serializers.FileField()
    version = serializers.CharField(required=False, help_text="A number or an alias; else champion.")
    format = serializers.ChoiceField(BatchFormat.choices, required=False)
    strict = serializers.BooleanField(
        required=False, help_text="One doubtful row refuses the whole file, before any is answered."
    )
    coverage = serializers.FloatField(required=False, min_value=0.5, max_value=0.99)
    encoding = serializers.CharField(required=False)
    delimiter = serializers.CharField(required=False)
    decimal = serializers.ChoiceField([".", ","], required=False)
    skip_bad_rows = serializers.BooleanField(required=False, help_text="Leave out rows of another width.")


class BatchRequestSerializer(StrictSerializer):
    """The rows of a dataset; a token needs the scope read beside predict."""

    dataset = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    version = serializers.CharField(required=False, allow_null=True)
    strict = serializers.BooleanField(default=False)
    coverage = serializers.FloatField(required=False, allow_null=True, min_value=0.5, max_value=0.99)


class BatchChangeSerializer(StrictSerializer):
    status = serializers.ChoiceField([JobStatus.CANCELLED.value])
