"""The trash of a workspace: what was deleted, to be restored or deleted for good by admins."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views import View

from ...errors import MlwebError
from ...models import Dataset, WorkspaceRole
from ...services.datasets import trash
from ..pages.access import WorkspaceMixin

PAGE_SIZE = 50


class Trash(WorkspaceMixin, View):
    query_names = ("page",)
    required_role = WorkspaceRole.ADMIN

    def get(self, request: HttpRequest, workspace: str) -> HttpResponse:
        rows = trash.of_workspace(self.workspace).select_related("deleted_by")
        page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
        entries = [{"dataset": each, "removed_at": trash.removed_at(each)} for each in page]
        context = {"page": page, "entries": entries, "n_days": settings.TRASH_DAYS}
        return render(request, "predictor/datasets/trash.html", context)


class TrashedDataset(WorkspaceMixin, View):
    required_role = WorkspaceRole.ADMIN

    def dataset(self, pk: int) -> Dataset:
        dataset = trash.of_workspace(self.workspace).filter(pk=pk).first()
        if dataset is None:
            raise Http404(_("This dataset is not in the trash."))
        return dataset


class TrashRestore(TrashedDataset):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponse:
        try:
            dataset = trash.restore(dataset=self.dataset(pk), by=request.user)
        except MlwebError as error:
            messages.error(request, error.message)
            return redirect("trash", self.workspace.slug)
        messages.success(request, _("“%(name)s” is restored.") % {"name": dataset.name})
        return redirect("dataset-detail", self.workspace.slug, pk)


class TrashDelete(TrashedDataset):
    def get(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponse:
        return render(request, "predictor/datasets/trash_delete.html", {"dataset": self.dataset(pk)})

    def post(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponse:
        dataset = self.dataset(pk)
        try:
            trash.delete_for_good(dataset=dataset, by=request.user)
        except MlwebError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, _("“%(name)s” is deleted for good.") % {"name": dataset.name})
        return redirect("trash", self.workspace.slug)
