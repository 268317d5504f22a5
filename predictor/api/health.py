"""Health checks, `/health/live` and `/health/ready`: for load balancers and process managers, without login."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ..services.operations import health
from .viewsets import METHODS

Live = inline_serializer("Live", {"status": serializers.ChoiceField(["alive"])})
Ready = inline_serializer(
    "Ready",
    {
        "status": serializers.ChoiceField(["ready", "not ready"]),
        "checks": serializers.DictField(
            child=serializers.CharField(), help_text='Each part: "ok" or what is wrong.'
        ),
        "remarks": serializers.DictField(
            child=serializers.CharField(), help_text="What is wrong and keeps nobody from predicting."
        ),
    },
)


class OpenView(APIView):
    http_method_names = METHODS
    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []


@extend_schema(tags=["health"])
class LiveView(OpenView):
    """The process answers."""

    @extend_schema(responses=Live, auth=[], operation_id="health_live")
    def get(self, request: Request) -> Response:
        return Response({"status": "alive"})


@extend_schema(tags=["health"])
class ReadyView(OpenView):
    """The database answers, its tables are up to date, the storage can be written to, there is room on the disk,
    the prediction log keeps up, and the server is not about to stop: send traffic."""

    @extend_schema(responses={200: Ready, 503: Ready}, auth=[], operation_id="health_ready")
    def get(self, request: Request) -> Response:
        checks = health.check()
        is_ready = all(each == health.OK for each in checks.values())
        return Response(
            {
                "status": "ready" if is_ready else "not ready",
                "checks": checks,
                "remarks": health.remarks(),
            },
            status=200 if is_ready else 503,
        )
