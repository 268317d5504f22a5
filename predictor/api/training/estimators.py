"""`/api/v1/estimators`: the estimators that can be trained, with their hyperparameters."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ...http.known_names import refuse_unknown
from ...services.training import estimator_catalogue
from ..permissions import READS, HasScopeAndRole
from ..viewsets import METHODS


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
    can_be_monotone = serializers.BooleanField(
        help_text="Whether it takes directions of columns (`monotone`)."
    )
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
        refuse_unknown(request.query_params, (), pointer="?")
        return Response(EstimatorSerializer(estimator_catalogue.catalogue(), many=True).data)
