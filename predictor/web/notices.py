"""Notices: the list, what is new since a page was loaded, marking as read, and which come by mail."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View

from ..models import Notice, NoticeKind, PersonalSettings
from ..services import notices
from .pages.known_names import KnownNames

PAGE_SIZE = 25
MAX_NEWS = 5
RELATED = ("workspace", "training_run", "batch_prediction__registered_model", "model_version__registered_model",
           "registered_model")  # fmt: skip
SHOWN = (
    "kind", "status", "subject", "detail", "created_at", "read_at", "workspace__slug", "workspace__name",
    "training_run__id", "batch_prediction__registered_model__slug", "model_version__number",
    "model_version__registered_model__slug", "registered_model__slug",
)  # fmt: skip


class NoticeList(LoginRequiredMixin, KnownNames, View):
    query_names = ("page",)

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = Notice.objects.visible_to(request.user).select_related(*RELATED).only(*SHOWN)
        page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
        shown = [{"notice": each, "url": url_of(each), "sentence": sentence_of(each)} for each in page]
        context = {"page": page, "notices": shown, "can_mail": notices.can_mail()}
        return render(request, "predictor/notices/list.html", context)


class NoticeNews(LoginRequiredMixin, KnownNames, View):
    """What is new since a page was loaded, as JSON. Pages ask every 20 seconds while they are seen."""

    is_file = True
    query_names = ("after",)

    def get(self, request: HttpRequest) -> JsonResponse:
        after = request.GET.get("after", "")
        last = int(after) if after.isascii() and after.isdecimal() and len(after) < 18 else 0
        rows = (
            Notice.objects.visible_to(request.user).filter(pk__gt=last).select_related(*RELATED).only(*SHOWN)
        )
        news = list(rows[:MAX_NEWS])
        if not news:
            return JsonResponse({"news": []})
        shown = [
            {"id": each.pk, "text": sentence_of(each), "url": url_of(each), "is_failure": each.is_failure}
            for each in news
        ]
        return JsonResponse({"news": shown, "unread": notices.n_unread(request.user)})


class NoticeRead(LoginRequiredMixin, KnownNames, View):
    """Marks one notice as read, or all of them."""

    field_names = ("notice",)
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        wanted = request.POST.get("notice", "")
        is_one = wanted.isascii() and wanted.isdecimal() and len(wanted) < 18
        notices.mark_read(user=request.user, pks=[int(wanted)] if is_one else None)
        if request.headers.get("X-Requested-With") == "XMLHttpRequest":
            return HttpResponse(status=204)
        return redirect("notice-list")


class MailForm(forms.ModelForm):
    class Meta:
        model = PersonalSettings
        fields = ("mails_runs", "mails_batches", "mails_completions", "mails_comments")
        labels = {
            "mails_runs": gettext_lazy("A training run of yours ends"),
            "mails_batches": gettext_lazy("A batch of yours ends"),
            "mails_completions": gettext_lazy("A report that you asked for is complete"),
            "mails_comments": gettext_lazy("Somebody comments where you take part"),
        }


class NoticeSettings(LoginRequiredMixin, KnownNames, View):
    """Which notices also come by mail."""

    field_names = tuple(MailForm.base_fields)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(MailForm(instance=PersonalSettings.of(request.user)))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = MailForm(request.POST, instance=PersonalSettings.of(request.user))
        if form.is_valid():
            form.save()
            messages.success(request, _("Your choice is saved."))
        return redirect("notice-settings")

    def show(self, form: Any) -> HttpResponse:
        context = {"form": form, "can_mail": notices.can_mail()}
        return render(self.request, "predictor/notices/settings.html", context)


def url_of(notice: Notice) -> str:
    """The page that a notice is about."""
    slug = notice.workspace.slug
    is_comment = notice.kind == NoticeKind.COMMENT
    comments = "#comments" if is_comment else ""
    if notice.training_run_id:
        return reverse("training-run-detail", args=[slug, notice.training_run_id]) + comments
    if batch := notice.batch_prediction:
        return reverse("batch-detail", args=[slug, batch.registered_model.slug, batch.pk])
    if version := notice.model_version:
        page = "version-details" if is_comment else "version-detail"
        return reverse(page, args=[slug, version.registered_model.slug, version.number]) + comments
    if model := notice.registered_model:
        return reverse("model-versions" if is_comment else "model-detail", args=[slug, model.slug]) + comments
    return reverse("workspace", args=[slug])


def sentence_of(notice: Notice) -> str:
    """What happened, in one sentence."""
    names = {"subject": notice.subject}
    is_good = notice.status == "succeeded"
    if notice.kind == NoticeKind.COMMENT:
        return _("New comment on “%(subject)s”") % names
    if notice.kind == NoticeKind.RUN:
        return (_("Run “%(subject)s” has finished") if is_good else _("Run “%(subject)s” has failed")) % names
    if notice.kind == NoticeKind.BATCH:
        return (
            _("Batch “%(subject)s” has finished") if is_good else _("Batch “%(subject)s” has failed")
        ) % names
    return (
        _("The report of “%(subject)s” is complete")
        if is_good
        else _("The report of “%(subject)s” has failed")
    ) % names
