"""Changes of a registered model: set, roll back and remove aliases; archive versions and unarchive them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...errors import MlwebError, NotFound, quoted_list
from ...ml.types.threshold_rule import catches_none
from ...ml.types.warnings import WarningKind
from ...models import ModelVersion, WorkspaceRole
from ...services import registry
from ...services.registry.caller_changes import CallerChange, ChangeKind, caller_changes
from ..pages.metric_words import key_metrics
from ..pages.model_page import ModelPage

CHANGE_TITLES = {
    ChangeKind.TASK: gettext_lazy("Another task"),
    ChangeKind.TARGET: gettext_lazy("Another target"),
    ChangeKind.NEW_REQUIRED: gettext_lazy("New columns that callers have to send"),
    ChangeKind.NEW_OPTIONAL: gettext_lazy("New columns, which may be empty"),
    ChangeKind.NOW_REQUIRED: gettext_lazy("Columns that may no longer be empty"),
    ChangeKind.UNREAD: gettext_lazy("Columns that are no longer read"),
    ChangeKind.ROLE: gettext_lazy("Columns with another role"),
    ChangeKind.NEW_CLASSES: gettext_lazy("New classes in answers"),
    ChangeKind.NO_CLASSES: gettext_lazy("Classes that no longer occur"),
    ChangeKind.POSITIVE_CLASS: gettext_lazy("Another positive class"),
    ChangeKind.THRESHOLD: gettext_lazy("Another threshold"),
}
# Their names are a value before and after.
FROM_TO = frozenset({ChangeKind.TASK, ChangeKind.TARGET, ChangeKind.POSITIVE_CLASS, ChangeKind.THRESHOLD})
MAX_NAMES = 12


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
        return {
            "title": _("Serve version %(number)s as %(alias)s?") % {"number": version.number, "alias": alias},
            "text": alias_sentence(alias, version, now),
            "fields": [("version", version.number)],
            "verb": _("Make version %(number)s %(alias)s") % {"number": version.number, "alias": alias},
            **promotion(now, version),
        }

    def act(self, request: HttpRequest, alias: str) -> str:
        version = self.version(request.POST.get("version"))
        registry.set_alias(
            registered_model=self.registered_model, alias=alias, model_version=version, by=request.user
        )
        return _("Version %(number)s now serves as %(alias)s.") % {"number": version.number, "alias": alias}


def alias_sentence(alias: str, version: ModelVersion, now: ModelVersion | None) -> str:
    """What changes for callers when the alias points at `version`; `now` is what it points at."""
    if now is None:
        return _("No version is %(alias)s yet.") % {"alias": alias}
    if now.pk == version.pk:
        return _("Version %(number)s is %(alias)s already.") % {"number": version.number, "alias": alias}
    return _(
        "Version %(number)s then answers in place of version %(now)s, everywhere within a second. "
        "You can roll back at any time."
    ) % {"number": version.number, "now": now.number}


def promotion(now: ModelVersion | None, version: ModelVersion) -> dict[str, Any]:
    """What speaks for and against `version` in place of `now`: figures, the paired test, changes, warnings."""
    decision = version.part("decision")
    leaks = [str(each.get("message", "")) for each in version.warnings or [] if _is_leak(each)]
    is_other = now is not None and now.pk != version.pk
    return {
        "version": version,
        "now": now,
        "is_same_data": now is not None and now.dataset_sha256 == version.dataset_sha256,
        "verdict": registry.compare(now, version).verdict if now is not None and is_other else None,
        "danger": catches_none(decision["positive"], decision["held_out"]) if decision else "",
        "leaks": leaks,
        "is_archived": version.is_archived,
        "changes": [
            (each, CHANGE_TITLES[each.kind], names_of(each))
            for each in (caller_changes(now, version) if now is not None and is_other else [])
        ],
        "is_compared": is_other,
        "figures": [
            (metric, now.metrics.get(metric.name) if now else None, version.metrics.get(metric.name))
            for metric in key_metrics(version.task)
        ],
    }


def names_of(change: CallerChange) -> str:
    """The columns or classes of a change, or what was and what will be."""
    if change.kind in FROM_TO:
        return " → ".join(each or "–" for each in change.names)
    if change.kind is ChangeKind.ROLE:
        return "; ".join([*change.names[:MAX_NAMES], *(["…"] if len(change.names) > MAX_NAMES else [])])
    return quoted_list(change.names, MAX_NAMES)


def _is_leak(warning: Any) -> bool:
    return isinstance(warning, Mapping) and warning.get("kind") == WarningKind.LEAK


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
            raise Http404(
                _("%(name)s has no alias “%(alias)s”.") % {"name": self.registered_model.name, "alias": alias}
            )
        now, target = held.model_version, registry.roll_back_target(self.registered_model, alias)
        names = {"alias": alias, "now": now.number}
        return {
            "title": _("Roll %(alias)s back?") % names,
            "text": _("%(alias)s will serve again what it served before version %(now)s.") % names
            if target is None
            else _("%(alias)s will serve version %(number)s again, in place of version %(now)s.")
            % {**names, "number": target.number},
            "verb": _("Roll %(alias)s back") % names,
            **(promotion(now, target) if target is not None else {"now": now}),
        }

    def act(self, request: HttpRequest, alias: str) -> str:
        held = registry.roll_back(registered_model=self.registered_model, alias=alias, by=request.user)
        return _("%(alias)s is back at version %(number)s.") % {
            "alias": alias,
            "number": held.model_version.number,
        }


class AliasRemove(ConfirmedChange):
    def question(self, request: HttpRequest, alias: str) -> dict[str, Any]:
        if not self.registered_model.aliases.filter(alias=alias).exists():
            raise Http404(
                _("%(name)s has no alias “%(alias)s”.") % {"name": self.registered_model.name, "alias": alias}
            )
        return {
            "title": _("Remove the alias %(alias)s?") % {"alias": alias},
            "text": _("Callers that ask for %(alias)s get an error from then on. Its history stays.")
            % {"alias": alias},
            "verb": _("Remove %(alias)s") % {"alias": alias},
            "is_dangerous": True,
        }

    def act(self, request: HttpRequest, alias: str) -> str:
        registry.remove_alias(registered_model=self.registered_model, alias=alias, by=request.user)
        return _("The alias %(alias)s is removed.") % {"alias": alias}


class VersionArchive(ConfirmedChange):
    def question(self, request: HttpRequest, number: int) -> dict[str, Any]:
        version = self.version(number)
        return {
            "title": _("Archive version %(number)s?") % {"number": version.number},
            "version": version,
            "text": _(
                "It no longer predicts. Its evaluation, files and logged predictions stay, and it "
                "can be taken out of the archive again."
            ),
            "verb": _("Archive version %(number)s") % {"number": version.number},
        }

    def act(self, request: HttpRequest, number: int) -> str:
        registry.archive(model_version=self.version(number), by=request.user)
        return _("Version %(number)s is archived.") % {"number": number}


class VersionUnarchive(ConfirmedChange):
    def question(self, request: HttpRequest, number: int) -> dict[str, Any]:
        version = self.version(number)
        return {
            "title": _("Take version %(number)s out of the archive?") % {"number": version.number},
            "version": version,
            "text": _("It can predict and be given an alias again."),
            "verb": _("Take version %(number)s out of the archive") % {"number": version.number},
        }

    def act(self, request: HttpRequest, number: int) -> str:
        registry.unarchive(model_version=self.version(number), by=request.user)
        return _("Version %(number)s is out of the archive and can serve again.") % {"number": number}
