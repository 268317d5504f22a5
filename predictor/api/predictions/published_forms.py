"""`/api/v1/{workspace}/models/{model}/links`: published forms, on which people predict without an account."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ...models import CHAMPION, PublishedForm, Shows
from ...services.predictions import published_forms
from ...services.predictions.published_forms import (
    MAX_ORIGINS,
    MAX_PER_MINUTE,
    MAX_TITLE,
    MAX_WORDING,
    PER_MINUTE,
    PER_MINUTE_OF_ADDRESS,
    NewForm,
)
from ..permissions import ADMINISTERS
from ..registry.registry import ModelChildViewSet
from ..strict import StrictSerializer
from ..viewsets import actor_of
from .serializers import VersionField


class NewLinkSerializer(StrictSerializer):
    title = serializers.CharField(max_length=MAX_TITLE)
    wording = serializers.CharField(
        max_length=MAX_WORDING,
        required=False,
        default="",
        allow_blank=True,
        help_text="Plain text; **bold**, *emphasis* and lists are formatted.",
    )
    version = VersionField(required=False, default=CHAMPION, help_text="A number or an alias; else champion.")
    columns = serializers.ListField(
        child=serializers.CharField(trim_whitespace=False, allow_blank=True),
        required=False,
        default=list,
        max_length=1000,
        help_text="The columns that the page asks for; empty: all that are not hidden or fixed.",
    )
    shows = serializers.ChoiceField(Shows.choices, required=False, default=Shows.ANSWER)
    expires_at = serializers.DateTimeField(required=False, default=None, allow_null=True)
    requests_per_minute = serializers.IntegerField(
        required=False, default=PER_MINUTE, min_value=1, max_value=MAX_PER_MINUTE
    )
    requests_per_minute_of_address = serializers.IntegerField(
        required=False, default=PER_MINUTE_OF_ADDRESS, min_value=1, max_value=MAX_PER_MINUTE
    )
    frame_origins = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        default=list,
        max_length=MAX_ORIGINS,
        help_text="Origins whose pages may embed it, such as https://intranet.example.org.",
    )


class LinkChangeSerializer(StrictSerializer):
    """What is given is changed; the link stays."""

    is_on = serializers.BooleanField(required=False, help_text="False closes the page, true opens it again.")
    title = serializers.CharField(max_length=MAX_TITLE, required=False)
    wording = serializers.CharField(max_length=MAX_WORDING, required=False, allow_blank=True)
    version = VersionField(required=False, help_text="A number or an alias.")
    columns = serializers.ListField(
        child=serializers.CharField(trim_whitespace=False, allow_blank=True), required=False, max_length=1000
    )
    shows = serializers.ChoiceField(Shows.choices, required=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, help_text="Null: no end.")
    requests_per_minute = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PER_MINUTE)
    requests_per_minute_of_address = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_PER_MINUTE
    )
    frame_origins = serializers.ListField(
        child=serializers.CharField(), required=False, max_length=MAX_ORIGINS
    )

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        if not fields:
            raise serializers.ValidationError("Say what to change.")
        return fields


class LinkSerializer(serializers.ModelSerializer[PublishedForm]):
    """A published form. `prefix`: how its link begins; the link itself is shown once, when it is created."""

    created_by = serializers.EmailField(source="created_by.email", default=None, allow_null=True)
    is_open = serializers.BooleanField(help_text="Whether its link answers now.")

    class Meta:
        model = PublishedForm
        fields = [
            "id", "title", "wording", "prefix", "version", "columns", "shows", "expires_at", "requests_per_minute",
            "requests_per_minute_of_address", "frame_origins", "is_on", "is_open", "revoked_at", "n_uses",
            "last_used_at", "created_at", "created_by",
        ]  # fmt: skip
        read_only_fields = fields


class CreatedLinkSerializer(LinkSerializer):
    """A new published form with its link, which is shown only here."""

    url = serializers.SerializerMethodField(help_text="The link. Everybody who has it can use the page.")

    class Meta(LinkSerializer.Meta):
        fields = [*LinkSerializer.Meta.fields, "url"]
        read_only_fields = fields

    def get_url(self, form: PublishedForm) -> str:
        return str(self.context["url"])


@extend_schema(tags=["predictions"])
class LinkViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ModelChildViewSet):
    """Published forms: everybody with the link predicts there, without an account. For admins of the workspace."""

    needs = {
        "list": ADMINISTERS,
        "retrieve": ADMINISTERS,
        "create": ADMINISTERS,
        "partial_update": ADMINISTERS,
        "destroy": ADMINISTERS,
    }
    queryset = PublishedForm.objects.select_related("created_by")
    serializer_class = LinkSerializer
    filter_backends: list[Any] = []

    @extend_schema(request=NewLinkSerializer, responses={201: CreatedLinkSerializer})
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Publish a form. The response holds its link, which is not stored and not shown again; so a repeated request
        makes a second link, also with an Idempotency-Key."""
        serializer = NewLinkSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        lists = {name: tuple(sent[name]) for name in ("columns", "frame_origins")}
        created = published_forms.create(
            registered_model=self.model,
            new=NewForm(**{**sent, **lists, "version": str(sent["version"] or CHAMPION)}),
            by=actor_of(request),
        )
        url = request.build_absolute_uri(reverse("linked-form", args=[created.token]))
        return Response(CreatedLinkSerializer(created.form, context={"url": url}).data, status=201)

    @extend_schema(request=LinkChangeSerializer)
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change the page; its link stays. `{"is_on": false}` closes it. 409 for a revoked link."""
        serializer = LinkChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        changes = dict(serializer.validated_data)
        form, is_on = self.get_object(), changes.pop("is_on", None)
        for name in ("columns", "frame_origins"):
            if name in changes:
                changes[name] = tuple(changes[name])
        if "version" in changes:
            changes["version"] = str(changes["version"] or CHAMPION)
        if changes:
            published_forms.change(form=form, by=actor_of(request), **changes)
        if is_on is not None:
            published_forms.switch(form=form, is_on=is_on, by=actor_of(request))
        return Response(self.get_serializer(form).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Revoke the link for good. Its row stays, with who made it and how much it was used."""
        published_forms.revoke(form=self.get_object(), by=actor_of(request))
        return Response(status=204)
