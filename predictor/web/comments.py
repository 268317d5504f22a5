"""Comments and labels (names, notes, tags): forms on the pages of datasets, models, versions and training runs."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import View

from ..errors import MlwebError
from ..models import Comment, Dataset, ModelVersion, RegisteredModel, TrainingRun, WorkspaceRole
from ..models.comment import MAX_COMMENT
from ..services import comments, labels, registry
from .pages.access import WorkspaceMixin
from .pages.refusals import refused


class OfRow(WorkspaceMixin, View):
    """A form of members about one row: a dataset, a model, a version or a run, as the URL says."""

    required_role = WorkspaceRole.MEMBER
    http_method_names = ["post"]

    def row(self) -> Any:
        names = self.kwargs
        if "slug" in names:
            model = self.get_visible_or_404(RegisteredModel, slug=names["slug"])
            if "number" not in names:
                return model
            versions = ModelVersion.objects.select_related("registered_model").defer("evaluation")
            return self.get_visible_or_404(versions, registered_model=model, number=names["number"])
        if self.is_of_dataset:
            return self.get_visible_or_404(Dataset, pk=names["pk"])
        return self.get_visible_or_404(TrainingRun.objects.select_related("registered_model"), pk=names["pk"])

    is_of_dataset = False


class Labels(OfRow):
    field_names = ("name", "note", "tags", "description")

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        row = self.row()
        sent = {name: request.POST[name] for name in self.field_names if name in request.POST}
        tags = sent.pop("tags").split(",") if "tags" in sent else None
        try:
            if isinstance(row, RegisteredModel):
                sent.pop("note", None)
                registry.update_model(registered_model=row, tags=tags, by=request.user, **sent)
            else:
                sent.pop("description", None)
                if not isinstance(row, Dataset):
                    sent.pop("name", None)
                labels.change(row, tags=None if isinstance(row, TrainingRun) else tags, **sent)
        except MlwebError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, _("Saved."))
        return redirect(page_of(row, self.workspace.slug))


class DatasetLabels(Labels):
    is_of_dataset = True


class Comments(OfRow):
    field_names = ("text",)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        row = self.row()
        try:
            comments.add(target=row, text=request.POST.get("text", ""), by=request.user)
        except MlwebError as error:
            messages.error(request, error.message)
        return redirect(page_of(row, self.workspace.slug) + "#comments")


class CommentView(WorkspaceMixin, View):
    required_role = WorkspaceRole.MEMBER

    def comment(self, pk: int) -> Comment:
        rows = Comment.objects.select_related(
            "registered_model", "model_version__registered_model", "training_run"
        ).defer("model_version__evaluation")
        comment: Comment = self.get_visible_or_404(rows, pk=pk)
        return comment


class CommentPage(CommentView):
    """Changing one's own comment."""

    field_names = ("text",)

    def get(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponse:
        return self.show(self.comment(pk))

    def post(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponse:
        comment = self.comment(pk)
        try:
            comments.edit(comment=comment, text=request.POST.get("text", ""), by=request.user)
        except MlwebError as error:
            messages.error(request, error.message)
            return refused(self.show(comment), error)
        return redirect(page_of(comment.target, self.workspace.slug) + "#comments")

    def show(self, comment: Comment) -> HttpResponse:
        context = {
            "comment": comment,
            "max_length": MAX_COMMENT,
            "back": page_of(comment.target, self.workspace.slug) + "#comments",
            "is_own": comment.created_by_id == self.membership.user_id,
        }
        return render(self.request, "predictor/comments/comment.html", context)


class CommentDelete(CommentView):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponse:
        comment = self.comment(pk)
        page = page_of(comment.target, self.workspace.slug)
        try:
            comments.delete(comment=comment, by=request.user)
        except MlwebError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, _("The comment is deleted."))
        return redirect(page + "#comments")


def page_of(row: Any, workspace: str) -> str:
    if isinstance(row, Dataset):
        return reverse("dataset-detail", args=[workspace, row.pk])
    if isinstance(row, RegisteredModel):
        return reverse("model-versions", args=[workspace, row.slug])
    if isinstance(row, ModelVersion):
        return reverse("version-details", args=[workspace, row.registered_model.slug, row.number])
    return reverse("training-run-detail", args=[workspace, row.pk])
