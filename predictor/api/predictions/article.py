"""`POST /predict`: `{"x": [1, 2]}` → `{"y": -0.4}`, for the registered model that ARTICLE_MODEL names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from ...errors import InvalidInput, NotFound, Problem, quoted_list
from ...models import PredictionSource
from ...services import predictions, registry
from ...services.predictions import loaded_versions
from ..idempotency import idempotent
from ..permissions import PREDICTS, WorkspaceViewMixin
from ..viewsets import METHODS, caller_of
from .fast_view import SlimViewMixin, json_answer, json_body
from .serializers import ScalarField

Asked = inline_serializer("ArticleRequest", {"x": serializers.ListField(child=ScalarField())})
Answered = inline_serializer("ArticleAnswer", {"y": ScalarField()})


@extend_schema(tags=["predictions"])
class ArticleView(SlimViewMixin, WorkspaceViewMixin, APIView):
    """The shortest way to predict: one row of features in the order of the model's signature."""

    http_method_names = METHODS
    needs = {"post": PREDICTS}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        workspace, _, self.slug = settings.ARTICLE_MODEL.partition("/")
        self.kwargs["workspace"] = workspace
        super().initial(request, *args, **kwargs)

    @extend_schema(request=Asked, responses=Answered, operation_id="article_predict")
    @idempotent
    def post(self, request: Request, **kwargs: Any) -> HttpResponse:
        """Predict one row."""
        try:
            model = registry.model_of(self.workspace, self.slug)
        except NotFound:
            raise Http404 from None
        version = registry.serving_version(model)
        answer = predictions.predict(
            registered_model=model,
            rows=[_row(json_body(request), loaded_versions.load(version).signature.names)],
            options=predictions.PredictionOptions(version=version.number),
            caller=caller_of(request, PredictionSource.ARTICLE),
        )
        first = answer.predictions[0]
        return json_answer({"y": first.prediction, **({"error": first.error} if first.error else {})})


def _row(body: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(body, Mapping) or set(body) != {"x"} or not isinstance(body["x"], list):
        raise InvalidInput('Send {"x": […]} with one row of features, and nothing else.')
    values = body["x"]
    if len(values) != len(names):
        raise InvalidInput(
            f"x holds {len(values)} values; the model takes {len(names)}, in order: {quoted_list(names, 20)}.",
            problems=[Problem(f"{len(values)} values instead of {len(names)}.", "/x")],
        )
    return dict(zip(names, values, strict=True))
