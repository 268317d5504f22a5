"""Model versions: compare, promote, archive. They are immutable otherwise."""

from __future__ import annotations

from collections import Counter

from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from ..i18n.translation import translated
from ..models import CHAMPION, ModelAlias, ModelVersion, RegisteredModel
from ..services import registry
from .base import ONLY_VISIBLE, ReadOnlyAdmin, page_link, pretty, size
from .registry import Done, RegistryAdmin

# The list shows the first of these metrics that a version has; its page shows all.
HEADLINES = ("accuracy", "roc_auc", "log_loss", "r2", "rmse", "mae")


@admin.register(ModelVersion)
class ModelVersionAdmin(RegistryAdmin, ReadOnlyAdmin):
    list_display = (
        "registered_model",
        "number",
        "alias_names",
        "headline",
        "is_compiled",
        "size",
        "created_at",
        "comparison",
    )
    list_display_links = ("registered_model", "number")
    list_filter = (
        ("registered_model", ONLY_VISIBLE),
        ("registered_model__workspace", ONLY_VISIBLE),
        "is_compiled",
        "task",
        ("archived_at", admin.EmptyFieldListFilter),
        "created_at",
    )
    list_select_related = ("registered_model__workspace", "created_by")
    list_documents = ("metrics",)
    search_fields = ("registered_model__name", "registered_model__slug", "estimator", "dataset_sha256")
    actions = ("make_champion", "archive_versions", "take_out_of_archive", "compare_two")
    fields = (
        "workspace",
        "registered_model",
        "number",
        "alias_names",
        "training_run",
        "made_from",
        "threshold",
        "dataset",
        "dataset_sha256",
        "task",
        "estimator",
        "is_compiled",
        "size",
        "comparison",
        "metrics_json",
        "parity_words",
        "parity_json",
        "params_json",
        "signature_shown",
        "artifacts_json",
        "libraries_json",
        "warnings_json",
        "archived_at",
        "created_at",
        "created_by",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        aliases = ModelAlias.objects.only("alias", "model_version_id")
        return (
            super().get_queryset(request).defer("evaluation").prefetch_related(Prefetch("aliases", aliases))
        )

    def view_on_site(self, version: ModelVersion) -> str:
        model = version.registered_model
        return reverse("version-detail", args=[model.workspace.slug, model.slug, version.number])

    @admin.action(description=gettext_lazy("Make champion"), permissions=["promote"])
    def make_champion(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        versions = list(queryset.select_related("registered_model__workspace"))
        n_chosen = Counter(version.registered_model_id for version in versions)
        for model_id, n in n_chosen.items():
            if n > 1:
                model = next(
                    each.registered_model for each in versions if each.registered_model_id == model_id
                )
                self.message_user(
                    request,
                    _("%(model)s has one champion; choose one of its %(n)s versions.")
                    % {"model": model, "n": n},
                    messages.ERROR,
                )
        single = [version for version in versions if n_chosen[version.registered_model_id] == 1]

        def promote(version: ModelVersion) -> Done:
            registry.set_alias(
                registered_model=version.registered_model,
                alias=CHAMPION,
                model_version=version,
                by=request.user,
            )
            said = gettext_noop("%(version)s is champion of %(workspace)s now.")
            return said, {"version": version, "workspace": version.registered_model.workspace}

        self.do_for_each(request, single, promote, lambda version: version.registered_model)

    @admin.action(description=gettext_lazy("Archive"), permissions=["promote"])
    def archive_versions(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        def archive(version: ModelVersion) -> Done:
            registry.archive(model_version=version, by=request.user)
            said = gettext_noop("%(version)s is archived: it stays readable and no longer serves.")
            return said, {"version": version}

        self.do_for_each(request, queryset, archive, lambda version: version.registered_model)

    @admin.action(description=gettext_lazy("Take out of the archive"), permissions=["promote"])
    def take_out_of_archive(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        def unarchive(version: ModelVersion) -> Done:
            registry.unarchive(model_version=version, by=request.user)
            return gettext_noop("%(version)s may serve again."), {"version": version}

        self.do_for_each(request, queryset, unarchive, lambda version: version.registered_model)

    @admin.action(description=gettext_lazy("Compare two versions of a model"), permissions=["view"])
    def compare_two(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> HttpResponse | None:
        versions = list(queryset.order_by("number")[:3])
        if len(versions) != 2 or versions[0].registered_model_id != versions[1].registered_model_id:
            self.message_user(request, _("Choose exactly two versions of one model."), messages.ERROR)
            return None
        return redirect(comparison_url(versions[0].registered_model, *(each.number for each in versions)))

    @admin.display(description=gettext_lazy("aliases"))
    def alias_names(self, version: ModelVersion) -> str:
        names = sorted(each.alias for each in version.aliases.all())
        return ", ".join(names) or (_("archived") if version.is_archived else "–")

    @admin.display(description=gettext_lazy("workspace"), ordering="registered_model__workspace__name")
    def workspace(self, version: ModelVersion) -> str:
        return version.registered_model.workspace.name

    @admin.display(description=gettext_lazy("metric"))
    def headline(self, version: ModelVersion) -> str:
        metrics = [(name, version.metrics.get(name)) for name in HEADLINES]
        return next((f"{name} {value:.4g}" for name, value in metrics if isinstance(value, float | int)), "–")

    @admin.display(description=gettext_lazy("parity"))
    def parity_words(self, version: ModelVersion) -> str:
        difference = version.parity.get("max_abs_difference")
        if not isinstance(difference, float | int):
            return str(translated(version.parity.get("reason") or "–"))
        return _("max |Δ| %(difference)s on %(n_rows)s rows") % {
            "difference": f"{difference:.1e}",
            "n_rows": f"{version.parity.get('n_rows', 0):,}",
        }

    @admin.display(description=gettext_lazy("size"), ordering="n_bytes")
    def size(self, version: ModelVersion) -> str:
        return size(version.n_bytes)

    @admin.display(description=gettext_lazy("comparison"))
    def comparison(self, version: ModelVersion) -> str:
        if version.number == 1:
            return "–"
        before = version.number - 1
        url = comparison_url(version.registered_model, before, version.number)
        return page_link(url, _("with version %(before)s") % {"before": before})

    @admin.display(description=gettext_lazy("metrics"))
    def metrics_json(self, version: ModelVersion) -> str:
        return pretty(version.metrics)

    @admin.display(description=gettext_lazy("parity report"))
    def parity_json(self, version: ModelVersion) -> str:
        return pretty(version.parity)

    @admin.display(description=gettext_lazy("hyperparameters"))
    def params_json(self, version: ModelVersion) -> str:
        return pretty(version.params)

    @admin.display(description=gettext_lazy("signature"))
    def signature_shown(self, version: ModelVersion) -> str:
        return pretty(version.signature_json)

    @admin.display(description=gettext_lazy("artifacts"))
    def artifacts_json(self, version: ModelVersion) -> str:
        return pretty(version.artifacts)

    @admin.display(description=gettext_lazy("libraries"))
    def libraries_json(self, version: ModelVersion) -> str:
        return pretty(version.libraries)

    @admin.display(description=gettext_lazy("warnings"))
    def warnings_json(self, version: ModelVersion) -> str:
        return pretty(version.warnings)


def comparison_url(model: RegisteredModel, a: int, b: int) -> str:
    path = reverse("version-compare", args=[model.workspace.slug, model.slug])
    return f"{path}?{urlencode({'a': a, 'b': b})}"
