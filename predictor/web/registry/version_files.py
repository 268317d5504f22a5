"""Downloads of a version: the ONNX file, a page that predicts offline, a zip that predicts without mlweb."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language, gettext

from ...errors import MlwebError
from ...i18n.languages import ENGLISH
from ...i18n.translation import translated
from ...models import ModelVersion
from ...services import registry
from ...services.registry import portable
from ..pages.model_page import ModelPage


class VersionFile(ModelPage):
    """Base view of a download: `file` makes the response. If that fails, the version page shows the error."""

    is_file = True

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
    """The HTML page that predicts offline, in the language of who downloads it."""

    def file(self, version: ModelVersion) -> HttpResponseBase:
        language = get_language() or ENGLISH
        return attachment(portable.offline_page(version, language=language, say=in_language))


def in_language(text: str) -> str:
    """A text of the page: single words are marked on other pages, sentences are found by their pattern."""
    found = gettext(text)
    return found if found != text else str(translated(text))


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
