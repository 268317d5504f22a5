"""Changes of a registered model: set, roll back and remove aliases; archive versions and unarchive them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from ...errors import MlwebError, NotFound
from ...ml.types.threshold_rule import catches_none
from ...models import ModelVersion, WorkspaceRole
from ...services import registry
from ..pages.metric_words import key_metrics
from ..pages.model_page import ModelPage


class ConfirmedChange(ModelPage):
    """Base view of a change: GET shows a confirmation page, POST calls `act`, which makes the change."""

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
        return self.to_versions()

    def question(self, request: HttpRequest, **which: Any) -> dict[str, Any]:
        raise NotImplementedError

    def act(self, request: HttpRequest, **which: Any) -> str:
        raise NotImplementedError


class AliasSet(ConfirmedChange):
    """Promote: point an alias at a version."""

    query_names = ("version",)
    field_names = ("version",)

    def question(self, request: HttpRequest, alias: str) -> dict[str, Any]:
        version = self.version(request.GET.get("version"))
        held = self.registered_model.aliases.filter(alias=alias).select_related("model_version").first()
        now = held.model_version if held else None
        metrics, decision = key_metrics(version.task), version.evaluation.get("decision")
        return {
            "title": f"Serve version {version.number} as {alias}?",
            "version": version,
            "now": now,
            "is_same_data": now is not None and now.dataset_sha256 == version.dataset_sha256,
            "text": alias_sentence(alias, version, now),
            "fields": [("version", version.number)],
            "verb": f"Make version {version.number} {alias}",
            "verdict": registry.compare(now, version).verdict if now and now.pk != version.pk else None,
            "danger": catches_none(decision["positive"], decision["held_out"]) if decision else "",
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


def alias_sentence(alias: str, version: ModelVersion, now: ModelVersion | None) -> str:
    """What changes for callers when the alias points at `version`; `now` is what it points at."""
    if now is None:
        return f"No version is {alias} yet."
    if now.pk == version.pk:
        return f"Version {version.number} is {alias} already."
    return (
        f"From then on version {version.number} answers in place of version {now.number}, "
        "everywhere within a second. You can roll back at any time."
    )


class AliasCreate(AliasSet):
    """A new alias of a chosen name."""

    field_names = ("version", "alias")
    http_method_names = ["post"]

    def act(self, request: HttpRequest) -> str:
        return super().act(request, request.POST.get("alias", "").strip().lower())


class AliasRollBack(ConfirmedChange):
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


class AliasRemove(ConfirmedChange):
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


class VersionArchive(ConfirmedChange):
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


class VersionUnarchive(ConfirmedChange):
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
