"""Counterfactuals, `POST …/models/{model}/counterfactuals`: changes of a row that give another prediction."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ...errors import NotFound
from ...http.prediction_request import version_of
from ...models import RegisteredModel, Scope
from ...services import registry
from ...services.predictions import counterfactuals
from ...services.predictions.counterfactuals import DEFAULT_FOUND, MAX_FOUND, Hint, Hints, Wanted
from ..permissions import PREDICTS
from ..strict import StrictSerializer
from ..viewsets import WorkspaceViewSet, token_of
from .serializers import ScalarField, VersionField


class WantedSerializer(StrictSerializer):
    """The wanted answer: for classification `class`; for regression `at_least` or `at_most`."""

    at_least = serializers.FloatField(required=False, allow_null=True)
    at_most = serializers.FloatField(required=False, allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        # `class` is a keyword of Python, so it cannot be declared as an attribute.
        return {"class": ScalarField(required=False, allow_null=True), **super().get_fields()}


class CounterfactualRequestSerializer(StrictSerializer):
    row = serializers.DictField(child=ScalarField(allow_null=True))
    wanted = WantedSerializer()
    version = VersionField(required=False, allow_null=True, help_text="A number or an alias; else champion.")
    locked = serializers.ListField(
        child=serializers.CharField(trim_whitespace=False, allow_blank=True),
        required=False,
        default=list,
        max_length=1000,
        help_text="Columns that have to stay as they are.",
    )
    limit = serializers.IntegerField(default=DEFAULT_FOUND, min_value=1, max_value=MAX_FOUND)


class ChangeSerializer(serializers.Serializer[Any]):
    column = serializers.CharField()
    old = ScalarField(allow_null=True)
    new = ScalarField(allow_null=True)


class CounterfactualSerializer(serializers.Serializer[Any]):
    """Changes after which the version gives the wanted answer. `row` is the whole row with them."""

    changes = ChangeSerializer(many=True)
    distance = serializers.FloatField(help_text="The size of the changes, each from 0 to 1.")
    prediction = ScalarField()
    probabilities = serializers.DictField(child=serializers.FloatField(), required=False)
    row = serializers.DictField(child=ScalarField())


class CounterfactualAnswerSerializer(serializers.Serializer[Any]):
    model = serializers.CharField()
    version = serializers.IntegerField()
    prediction = ScalarField(help_text="The answer for the row as it is.")
    message = serializers.CharField(help_text="What was found, or that nothing was.")
    n_evaluated = serializers.IntegerField(help_text="How many changed rows were tried.")
    counterfactuals = CounterfactualSerializer(many=True)


@extend_schema(tags=["predictions"])
class CounterfactualViewSet(WorkspaceViewSet):
    """What would have to change."""

    needs = {"create": PREDICTS}
    queryset = RegisteredModel.objects.all()
    filter_backends: list[Any] = []

    @extend_schema(
        request=CounterfactualRequestSerializer,
        responses=CounterfactualAnswerSerializer,
        examples=[
            OpenApiExample(
                "another class",
                {"row": {"age": 41, "plan": "pro"}, "wanted": {"class": "stay"}, "locked": ["age"]},
                request_only=True,
            ),
            OpenApiExample(
                "a higher value",
                {"row": {"age": 41, "plan": "pro"}, "wanted": {"at_least": 300}},
                request_only=True,
            ),
        ],
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Look for the fewest columns, and of those the smallest change, that give the wanted answer.

        Nothing of it is logged. The list is empty when nothing was found, or nothing has to change.
        """
        try:
            model = registry.model_of(self.workspace, kwargs["model"])
        except NotFound:
            raise Http404 from None
        serializer = CounterfactualRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        search: dict[str, Any] = serializer.validated_data
        goal, token = search["wanted"], token_of(request)
        hints = counterfactuals.find(
            registered_model=model,
            row=search["row"],
            wanted=Wanted(goal.get("class"), goal.get("at_least"), goal.get("at_most")),
            version=version_of(search.get("version")),
            locked=search["locked"],
            n=search["limit"],
            is_exact=token is None or token.has_scope(Scope.READ),
        )
        return Response(hints_as_json(hints))


def hints_as_json(hints: Hints) -> dict[str, Any]:
    return {
        "model": hints.model,
        "version": hints.version,
        "prediction": hints.prediction.prediction,
        "message": hints.message,
        "n_evaluated": hints.n_evaluated,
        "counterfactuals": [_hint_as_json(each) for each in hints.hints],
    }


def _hint_as_json(hint: Hint) -> dict[str, Any]:
    return {
        "changes": [vars(each) for each in hint.changes],
        "distance": hint.distance,
        **hint.prediction.output,
        "row": hint.row,
    }
