"""Pages of registered models: what there is, which version serves, and who moved which alias."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.db.models import OuterRef, Prefetch, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views import View

from ..errors import MlwebError, NotFound
from ..models import CHAMPION, ModelAlias, ModelVersion, PredictionLog, RegisteredModel, WorkspaceRole
from ..services import portable, registry
from .access import WorkspaceMixin
from .metric_words import headline_metric, key_metrics
from .snippets import snippets

PAGE_SIZE = 25
# What lists need of a version: reports and signatures are long.
LISTED = (
    "number", "registered_model_id", "task", "estimator", "metrics", "is_compiled", "n_bytes", "archived_at",
    "created_at",
)  # fmt: skip


class ModelPage(WorkspaceMixin, View):
    """A page below one registered model: loads it, and answers 404 for another workspace's."""

    registered_model: RegisteredModel

    def load_model(self, slug: str) -> RegisteredModel:
        self.registered_model = self.get_visible_or_404(RegisteredModel, slug=slug)
        self.registered_model.workspace = self.workspace
        return self.registered_model

    def version(self, which: int | str | None) -> ModelVersion:
        try:
            return registry.version_of(self.registered_model, which)
        except NotFound as error:
            raise Http404(error.message) from None

    def to_model(self) -> HttpResponse:
        return redirect("model-detail", self.workspace.slug, self.registered_model.slug)


class ModelList(WorkspaceMixin, View):
    def get(self, request: HttpRequest, workspace: str) -> HttpResponse:
        wanted = request.GET.get("q", "").replace("\0", "").strip()[:120]
        after = request.GET.get("after", "").replace("\0", "")[:120]
        models = RegisteredModel.objects.filter(workspace=self.workspace)
        if wanted:
            models = models.filter(name__icontains=wanted)
        if after:
            models = models.filter(slug__gt=after)
        found = list(with_champions(models).order_by("slug")[: PAGE_SIZE + 1])
        context = {
            "models": [model_row(each) for each in found[:PAGE_SIZE]],
            "after": found[PAGE_SIZE - 1].slug if len(found) > PAGE_SIZE else "",
            "is_first_page": not after,
            "wanted": wanted,
        }
        return render(request, "predictor/registry/model_list.html", context)


def with_champions(models: Any) -> Any:
    """Models with the version behind `champion` and when the last version was made, in two queries."""
    latest = ModelVersion.objects.filter(registered_model=OuterRef("pk")).order_by("-number")
    champions = (
        ModelAlias.objects.filter(alias=CHAMPION)
        .select_related("model_version")
        .only("alias", "registered_model_id", *(f"model_version__{name}" for name in LISTED))
    )
    return models.annotate(last_trained_at=Subquery(latest.values("created_at")[:1])).prefetch_related(
        Prefetch("aliases", champions, to_attr="champions")
    )


def model_row(model: RegisteredModel) -> dict[str, Any]:
    champion = model.champions[0].model_version if model.champions else None
    return {"model": model, "champion": champion, "headline": headline_metric(champion) if champion else None}


class ModelDetail(ModelPage):
    def get(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        model = self.load_model(slug)
        aliases = list(model.aliases.select_related("model_version").defer("model_version__evaluation"))
        champion = next((each.model_version for each in aliases if each.alias == CHAMPION), None)
        versions = self.listed_versions(request.GET.get("before", ""))
        metrics = key_metrics(versions[0].task) if versions else []
        context = {
            "model": model,
            "aliases": aliases,
            "champion": champion,
            "headline": headline_metric(champion) if champion else None,
            "versions": list(version_rows(versions[:PAGE_SIZE], aliases, metrics)),
            "compared_with": next((each.number for each in versions if each != champion), None),
            "metrics": metrics,
            "before": versions[PAGE_SIZE - 1].number if len(versions) > PAGE_SIZE else None,
            "is_first_page": "before" not in request.GET,
            "changes": registry.history(model).defer(
                "previous_version__evaluation", "model_version__evaluation"
            )[:10],
            "can_roll_back": roll_back_names(model, aliases),
            "last_prediction": last_prediction(champion),
            "snippets": snippets(request, model, champion) if champion else [],
        }
        return render(request, "predictor/registry/model_detail.html", context)

    def listed_versions(self, before: str) -> list[ModelVersion]:
        versions = self.registered_model.versions.order_by("-number").only(*LISTED)
        if before.isascii() and before.isdecimal() and len(before) < 10:
            versions = versions.filter(number__lt=int(before))
        return list(versions[: PAGE_SIZE + 1])


def version_rows(
    versions: list[ModelVersion], aliases: list[ModelAlias], metrics: list[Any]
) -> Iterator[dict[str, Any]]:
    for version in versions:
        yield {
            "version": version,
            "aliases": [each.alias for each in aliases if each.model_version_id == version.pk],
            "figures": [(metric, metric.shown(version.metrics.get(metric.name))) for metric in metrics],
        }


def roll_back_names(model: RegisteredModel, aliases: list[ModelAlias]) -> set[str]:
    """The aliases that have moved at least once."""
    moved = model.alias_changes.exclude(previous_version=None).order_by().values_list("alias", flat=True)
    return set(moved.distinct()) & {each.alias for each in aliases}


def last_prediction(champion: ModelVersion | None) -> PredictionLog | None:
    """The newest logged answer of the champion: one step in an index, however long the log."""
    if champion is None:
        return None
    return PredictionLog.objects.filter(model_version=champion).only("created_at").order_by("-id").first()


class Deed(ModelPage):
    """A change by POST, with a page on GET that says what it will do and asks. Its own `act` does it."""

    required_role = WorkspaceRole.MEMBER
    template = "predictor/registry/confirm.html"

    def get(self, request: HttpRequest, workspace: str, slug: str, **which: Any) -> HttpResponse:
        self.load_model(slug)
        return render(
            request, self.template, {"model": self.registered_model, **self.question(request, **which)}
        )

    def post(self, request: HttpRequest, workspace: str, slug: str, **which: Any) -> HttpResponse:
        self.load_model(slug)
        try:
            messages.success(request, self.act(request, **which))
        except NotFound as error:
            raise Http404(error.message) from None
        except MlwebError as error:
            messages.error(request, error.message)
        return self.to_model()

    def question(self, request: HttpRequest, **which: Any) -> dict[str, Any]:
        raise NotImplementedError

    def act(self, request: HttpRequest, **which: Any) -> str:
        raise NotImplementedError


class AliasSet(Deed):
    """Promote: point an alias at a version."""

    def question(self, request: HttpRequest, alias: str) -> dict[str, Any]:
        version = self.version(request.GET.get("version"))
        held = self.registered_model.aliases.filter(alias=alias).select_related("model_version").first()
        now = held.model_version if held else None
        metrics = key_metrics(version.task)
        return {
            "title": f"Serve version {version.number} as {alias}?",
            "version": version,
            "now": now,
            "is_same_data": now is not None and now.dataset_sha256 == version.dataset_sha256,
            "alias": alias,
            "fields": [("version", version.number)],
            "verb": f"Make version {version.number} {alias}",
            "figures": [
                (metric, now.metrics.get(metric.name) if now else None, version.metrics.get(metric.name))
                for metric in metrics
            ],
        }

    def act(self, request: HttpRequest, alias: str) -> str:
        version = self.version(request.POST.get("version"))
        registry.set_alias(
            registered_model=self.registered_model, alias=alias, model_version=version, by=request.user
        )
        return f"Version {version.number} now serves as {alias}."


class AliasCreate(Deed):
    """A new alias of a chosen name."""

    http_method_names = ["post"]

    def act(self, request: HttpRequest) -> str:
        alias = request.POST.get("alias", "").strip().lower()
        version = self.version(request.POST.get("version"))
        registry.set_alias(
            registered_model=self.registered_model, alias=alias, model_version=version, by=request.user
        )
        return f"Version {version.number} now serves as {alias}."


class AliasRollBack(Deed):
    def question(self, request: HttpRequest, alias: str) -> dict[str, Any]:
        held = self.registered_model.aliases.filter(alias=alias).select_related("model_version").first()
        if held is None:
            raise Http404(f"{self.registered_model.name} has no alias “{alias}”.")
        return {
            "title": f"Roll {alias} back?",
            "now": held.model_version,
            "text": f"{alias} will serve again what it served before version {held.model_version.number}.",
            "verb": f"Roll {alias} back",
        }

    def act(self, request: HttpRequest, alias: str) -> str:
        held = registry.roll_back(registered_model=self.registered_model, alias=alias, by=request.user)
        return f"{alias} is back at version {held.model_version.number}."


class AliasRemove(Deed):
    def question(self, request: HttpRequest, alias: str) -> dict[str, Any]:
        if not self.registered_model.aliases.filter(alias=alias).exists():
            raise Http404(f"{self.registered_model.name} has no alias “{alias}”.")
        return {
            "title": f"Remove the alias {alias}?",
            "text": f"Callers that ask for {alias} get an error from then on. Its history stays.",
            "verb": f"Remove {alias}",
            "is_dangerous": True,
        }

    def act(self, request: HttpRequest, alias: str) -> str:
        registry.remove_alias(registered_model=self.registered_model, alias=alias, by=request.user)
        return f"The alias {alias} is removed."


class VersionArchive(Deed):
    def question(self, request: HttpRequest, number: int) -> dict[str, Any]:
        version = self.version(number)
        return {
            "title": f"Archive version {version.number}?",
            "version": version,
            "text": "It no longer predicts. Its evaluation, files and logged predictions stay, "
            "and it can be taken out of the archive again.",
            "verb": f"Archive version {version.number}",
        }

    def act(self, request: HttpRequest, number: int) -> str:
        registry.archive(model_version=self.version(number), by=request.user)
        return f"Version {number} is archived."


class VersionUnarchive(Deed):
    def question(self, request: HttpRequest, number: int) -> dict[str, Any]:
        version = self.version(number)
        return {
            "title": f"Take version {version.number} out of the archive?",
            "version": version,
            "text": "It can predict and be given an alias again.",
            "verb": f"Take version {version.number} out of the archive",
        }

    def act(self, request: HttpRequest, number: int) -> str:
        registry.unarchive(model_version=self.version(number), by=request.user)
        return f"Version {number} is out of the archive and can serve again."


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
