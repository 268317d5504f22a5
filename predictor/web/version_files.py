"""What a version can be taken along as: its ONNX file, a page that needs no network, a zip that needs no mlweb."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from ..errors import MlwebError
from ..models import ModelVersion
from ..services import portable, registry
from .model_page import ModelPage


class VersionFile(ModelPage):
    """Something of a version to download; where there is none, its page says why. Its own `file` makes it."""

    def get(self, request: HttpRequest, workspace: str, slug: str, number: int) -> HttpResponseBase:
        self.load_model(slug)
        try:
            return self.file(self.version(number))
        except MlwebError as error:
            messages.error(request, error.message)
            return redirect(reverse("version-detail", args=[self.workspace.slug, slug, number]))

    def file(self, version: ModelVersion) -> HttpResponseBase:
        raise NotImplementedError


class VersionOnnx(VersionFile):
    """The ONNX file."""

    def file(self, version: ModelVersion) -> HttpResponseBase:
        file = registry.onnx_download(version)
        response = StreamingHttpResponse(file.chunks(), content_type="application/octet-stream")
        response["Content-Disposition"] = f'attachment; filename="{file.filename}"'
        response["Content-Length"] = str(file.n_bytes)
        response["X-Content-Type-Options"] = "nosniff"
        return response


class VersionOfflinePage(VersionFile):
    """The page that predicts without a network."""

    def file(self, version: ModelVersion) -> HttpResponseBase:
        return attachment(portable.offline_page(version))


class VersionBundle(VersionFile):
    """The zip that predicts without mlweb."""

    def file(self, version: ModelVersion) -> HttpResponseBase:
        return attachment(portable.bundle(version))


def attachment(file: portable.PortableFile) -> HttpResponse:
    response = HttpResponse(file.content, content_type=file.content_type)
    response["Content-Disposition"] = f'attachment; filename="{file.filename}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["ETag"] = f'"{file.sha256}"'
    return response
