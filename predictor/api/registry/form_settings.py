"""`/api/v1/{workspace}/models/{model}/form`: how forms ask for the columns of a model."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ...models import FormSettings
from ...services.registry import form_settings
from ..permissions import READS, WRITES
from ..strict import StrictSerializer
from ..viewsets import actor_of
from .registry import ModelChildViewSet


class FormSettingsRequestSerializer(StrictSerializer):
    def get_fields(self) -> dict[str, Any]:
        # `fields` is an attribute of every serializer, so it cannot be declared under its name.
        return {
            "fields": serializers.DictField(
                child=serializers.JSONField(),
                help_text="By column: label, unit, help, order, hidden, immutable, locked, minimum, maximum, choices.",
            )
        }


class FormChangeSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(source="history_date")
    by = serializers.EmailField(source="history_user.email", default=None, allow_null=True)
    columns = serializers.ListField(child=serializers.CharField(), source="changed")


class FormSettingsSerializer(serializers.Serializer[Any]):
    """The settings by column, and the last changes with who made them."""

    changes = FormChangeSerializer(many=True)

    def get_fields(self) -> dict[str, Any]:
        return {"fields": serializers.DictField(child=serializers.JSONField()), **super().get_fields()}


EXAMPLE = OpenApiExample(
    "Two columns",
    {
        "fields": {
            "age": {"label": "Age", "unit": "years", "minimum": 18, "maximum": 99, "order": 1},
            "region": {"locked": "south", "hidden": True},
        }
    },
    request_only=True,
)


@extend_schema(tags=["models"])
class FormSettingsViewSet(ModelChildViewSet):
    """Labels, units, help, order, fixed values, ranges and choices: for the form of the browser, for published pages,
    for what-if, and, where columns are fixed or immutable, for counterfactuals. Predictions of the API take them as
    they are sent."""

    needs = {"retrieve": READS, "update": WRITES, "partial_update": WRITES}
    queryset = FormSettings.objects.all()
    serializer_class = FormSettingsSerializer
    filter_backends: list[Any] = []
    pagination_class = None

    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """The settings of all columns that have any, and the last changes."""
        return self.shown()

    @extend_schema(request=FormSettingsRequestSerializer, examples=[EXAMPLE])
    def update(self, request: Request, **kwargs: Any) -> Response:
        """Set the settings of all columns; a column that is not named has none afterwards."""
        return self.changed(request, is_whole=True)

    @extend_schema(request=FormSettingsRequestSerializer, examples=[EXAMPLE])
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Set the settings of the named columns, each as a whole; `{}` removes them."""
        return self.changed(request, is_whole=False)

    def changed(self, request: Request, *, is_whole: bool) -> Response:
        serializer = FormSettingsRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        form_settings.change(
            registered_model=self.model,
            fields=serializer.validated_data["fields"],
            by=actor_of(request),
            is_whole=is_whole,
        )
        return self.shown()

    def shown(self) -> Response:
        found = {
            "fields": form_settings.of(self.model).to_json(),
            "changes": form_settings.changes(self.model),
        }
        return Response(FormSettingsSerializer(found).data)
