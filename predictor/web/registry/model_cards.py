"""The model card of a version as a page and as a Markdown file, and the model's description."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from ...models import ModelVersion, WorkspaceRole
from ...services import registry
from ...services.registry import card_markdown, model_cards
from ..pages.model_page import ModelPage

MAX_DESCRIPTION = 10_000


class CardPage(ModelPage):
    def load_version(self, slug: str, number: int) -> ModelVersion:
        model = self.load_model(slug)
        versions = ModelVersion.objects.select_related(
            "dataset", "training_run", "created_by", "completion", "made_from__completion"
        )
        version: ModelVersion = self.get_visible_or_404(versions, registered_model=model, number=number)
        version.registered_model = model
        return version


class VersionCard(CardPage):
    """Every role may read the card; members may change the description."""

    field_names = ("description",)

    def get_required_role(self) -> WorkspaceRole:
        return WorkspaceRole.MEMBER if self.request.method == "POST" else WorkspaceRole.VIEWER

    def get(self, request: HttpRequest, workspace: str, slug: str, number: int) -> HttpResponse:
        version = self.load_version(slug, number)
        context = {
            "model": self.registered_model,
            "version": version,
            "card": model_cards.card_of(version),
            "max_description": MAX_DESCRIPTION,
        }
        return render(request, "predictor/registry/version_card.html", context)

    def post(self, request: HttpRequest, workspace: str, slug: str, number: int) -> HttpResponse:
        """The description belongs to the model: all its versions show it."""
        self.load_version(slug, number)
        text = request.POST.get("description", "").replace("\0", "").replace("\r\n", "\n").strip()
        if len(text) > MAX_DESCRIPTION:
            messages.error(
                request,
                _("A description has at most %(most)s characters; this one has %(n)s.")
                % {"most": f"{MAX_DESCRIPTION:,}", "n": f"{len(text):,}"},
            )
        else:
            registry.update_model(registered_model=self.registered_model, description=text, by=request.user)
            messages.success(request, _("The description is saved."))
        return redirect("version-card", self.workspace.slug, slug, number)


class VersionCardMarkdown(CardPage):
    is_file = True

    def get(self, request: HttpRequest, workspace: str, slug: str, number: int) -> HttpResponse:
        version = self.load_version(slug, number)
        text = card_markdown.written(model_cards.card_of(version))
        response = HttpResponse(text, content_type="text/markdown; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{slug}-{number}.md"'
        response["X-Content-Type-Options"] = "nosniff"
        return response
