"""What a version's report lacks for want of time, on its page: what becomes of each part, to start and to stop it."""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from ...errors import MlwebError
from ...i18n.translation import translated
from ...models import Completion, ModelVersion, WorkspaceRole
from ...services import training
from ...services.registry.absent_parts import (
    AbsentPart,
    PartState,
    absent_parts,
    completion_of,
    computed_on,
)
from ..pages.model_page import ModelPage

AT_WORK = (PartState.QUEUED, PartState.RUNNING)


class AbsentPartsView:
    """The parts that were left out of a version's report, and the job that computes them."""

    def __init__(self, version: ModelVersion):
        self.version = version

    @cached_property
    def parts(self) -> list[AbsentPart]:
        return absent_parts(self.version)

    @cached_property
    def job(self) -> Completion | None:
        return completion_of(self.version)

    @property
    def missing(self) -> list[AbsentPart]:
        return [each for each in self.parts if each.state is not PartState.COMPUTED]

    @property
    def computed(self) -> list[str]:
        return [str(translated(each.part.label)) for each in self.parts if each.state is PartState.COMPUTED]

    @property
    def computed_on(self) -> str:
        return computed_on(self.parts, self.job)

    @property
    def is_waited_for(self) -> bool:
        return any(each.state in AT_WORK for each in self.parts)

    @property
    def can_start(self) -> bool:
        return any(each.state is PartState.POSSIBLE for each in self.parts)

    @property
    def fingerprint(self) -> str:
        """A short hash of what the page shows: it changes when the page would."""
        job = self.job
        shown = [(each.part.value, each.state.value, each.sentence) for each in self.parts]
        progress = (job.progress, job.progress_message, job.is_cancel_requested) if job else ()
        return sha256(repr((shown, progress)).encode()).hexdigest()[:16]


class CompletionPage(ModelPage):
    def load_version(self, slug: str, number: int) -> ModelVersion:
        model = self.load_model(slug)
        versions = ModelVersion.objects.select_related("dataset", "completion", "made_from__completion")
        # The page polls this, so what it does not show is not loaded.
        versions = versions.defer(
            "signature_json",
            "dataset__schema_json",
            "completion__supplement",
            "made_from__evaluation",
            "made_from__signature_json",
            "made_from__completion__supplement",
        )
        version = versions.filter(registered_model=model, number=number).first()
        if version is None:
            raise Http404(_("%(name)s has no version %(number)s.") % {"name": model.name, "number": number})
        version.registered_model = model
        return version

    def to_version(self, number: int) -> HttpResponse:
        response = redirect("version-details", self.workspace.slug, self.registered_model.slug, number)
        response["Location"] += "#left-out"
        return response


class VersionCompletion(CompletionPage):
    """The list of what was left out, polled by htmx; a POST starts the computing."""

    query_names = ("seen",)

    def get_required_role(self) -> WorkspaceRole:
        return WorkspaceRole.MEMBER if self.request.method == "POST" else WorkspaceRole.VIEWER

    def get(self, request: HttpRequest, workspace: str, slug: str, number: int) -> HttpResponse:
        version = self.load_version(slug, number)
        absent = AbsentPartsView(version)
        seen = request.GET.get("seen")
        if seen == absent.fingerprint:
            return HttpResponse(status=204)
        context = {"model": self.registered_model, "version": version, "absent": absent}
        response = render(request, "predictor/evaluation/_left_out.html", context)
        if seen and not absent.is_waited_for:
            # The page shows the parts in their own places.
            response["HX-Refresh"] = "true"
        return response

    def post(self, request: HttpRequest, workspace: str, slug: str, number: int) -> HttpResponse:
        version = self.load_version(slug, number)
        try:
            training.completions.start(model_version=version, by=request.user)  # type: ignore[arg-type]
        except MlwebError as error:
            messages.info(request, translated(error.message))
        return self.to_version(number)


class VersionCompletionCancel(CompletionPage):
    http_method_names = ["post"]
    required_role = WorkspaceRole.MEMBER

    def post(self, request: HttpRequest, workspace: str, slug: str, number: int) -> HttpResponse:
        version = self.load_version(slug, number)
        try:
            training.completions.cancel_of(model_version=version, by=request.user)  # type: ignore[arg-type]
        except MlwebError as error:
            messages.info(request, translated(error.message))
        return self.to_version(number)
