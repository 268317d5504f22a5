"""Comments on models, versions and training runs: `…/comments`, and one comment by its id."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ..models import Comment, ModelVersion, RegisteredModel, TrainingRun
from ..models.comment import MAX_COMMENT
from ..services import comments
from .permissions import READS, WRITES
from .strict import StrictSerializer
from .viewsets import WorkspaceViewSet, actor_of


class CommentSerializer(serializers.ModelSerializer[Comment]):
    created_by = serializers.EmailField(source="created_by.email", allow_null=True, default=None)

    class Meta:
        model = Comment
        fields = ["id", "text", "created_by", "created_at", "edited_at"]


class CommentTextSerializer(StrictSerializer):
    text = serializers.CharField(max_length=MAX_COMMENT, help_text="Plain text.")


@extend_schema(tags=["comments"])
class CommentViewSet(mixins.ListModelMixin, WorkspaceViewSet):
    """What people say about a model, a version or a run. Those who take part get a notice."""

    needs = {"list": READS, "create": WRITES, "partial_update": WRITES, "destroy": WRITES}
    queryset = Comment.objects.select_related("created_by").order_by("id")
    serializer_class = CommentSerializer

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()
        if getattr(self, "swagger_fake_view", False) or self.action not in ("list", "create"):
            return queryset
        return queryset.filter(**{comments.FIELDS[type(self.target)]: self.target})

    @property
    def target(self) -> Any:
        """The row of the URL: a model, its version, or a run."""
        names = self.kwargs
        if "model" not in names:
            runs = TrainingRun.objects.filter(workspace=self.workspace).select_related("registered_model")
            return self.get_row(runs, pk=names["run"])
        models = RegisteredModel.objects.filter(workspace=self.workspace)
        model = self.get_row(models, slug=names["model"])
        if "number" not in names:
            return model
        versions = ModelVersion.objects.filter(registered_model=model).select_related("registered_model")
        return self.get_row(versions.defer("evaluation"), number=names["number"])

    @extend_schema(request=CommentTextSerializer, responses={201: CommentSerializer})
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Add a comment."""
        target = self.target
        serializer = CommentTextSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        comment = comments.add(target=target, text=serializer.validated_data["text"], by=actor_of(request))
        return Response(CommentSerializer(comment).data, status=201)

    @extend_schema(request=CommentTextSerializer)
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change one's own comment."""
        comment = self.get_object()
        serializer = CommentTextSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        changed = comments.edit(comment=comment, by=actor_of(request), **serializer.validated_data)
        return Response(CommentSerializer(changed).data)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete one's own comment; admins delete any."""
        comments.delete(comment=self.get_object(), by=actor_of(request))
        return Response(status=204)
