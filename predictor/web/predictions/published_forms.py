"""Published forms of a model: create one, see how much each is used, switch it off, revoke it. For admins."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from ...errors import InvalidInput, MlwebError
from ...i18n.translation import translated
from ...models import CHAMPION, PublishedForm, RegisteredModel, Shows, WorkspaceRole
from ...services.predictions import published_forms
from ...services.predictions.published_forms import MAX_PER_MINUTE, MAX_TITLE, MAX_WORDING, NewForm
from ...services.registry import form_settings
from ..pages.model_page import ModelPage
from ..pages.refusals import refused

LIFETIMES = [
    ("7", gettext_lazy("7 days")),
    ("30", gettext_lazy("30 days")),
    ("90", gettext_lazy("90 days")),
    ("365", gettext_lazy("one year")),
    ("", gettext_lazy("no end")),
]
SHOWN = [
    (Shows.ANSWER, gettext_lazy("The answer alone")),
    (Shows.PROBABILITIES, gettext_lazy("The answer, with probabilities or interval")),
    (Shows.EXPLANATION, gettext_lazy("The same, with why")),
]
MAX_SHOWN = 100
# The lifetime of a published form that is changed and keeps its end.
KEPT = "kept"


class PublishForm(forms.Form):
    title = forms.CharField(label=gettext_lazy("Title"), max_length=MAX_TITLE)
    wording = forms.CharField(
        label=gettext_lazy("Wording above the form"),
        required=False,
        max_length=MAX_WORDING,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy(
            "Plain text. **bold**, *emphasis* and lines that begin with “-” are formatted."
        ),
    )
    version = forms.ChoiceField(label=gettext_lazy("Version that answers"))
    columns = forms.MultipleChoiceField(
        label=gettext_lazy("Fields"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None chosen: all. The others get their fixed or their typical value."),
    )
    shows = forms.ChoiceField(label=gettext_lazy("What it shows"), choices=SHOWN, initial=Shows.PROBABILITIES)
    lifetime = forms.ChoiceField(
        label=gettext_lazy("Ends after"), choices=LIFETIMES, initial="30", required=False
    )
    requests_per_minute_of_address = forms.IntegerField(
        label=gettext_lazy("Requests a minute from one address"),
        min_value=1,
        max_value=MAX_PER_MINUTE,
        initial=published_forms.PER_MINUTE_OF_ADDRESS,
    )
    requests_per_minute = forms.IntegerField(
        label=gettext_lazy("Requests a minute in total"),
        min_value=1,
        max_value=MAX_PER_MINUTE,
        initial=published_forms.PER_MINUTE,
    )
    frame_origins = forms.CharField(
        label=gettext_lazy("Sites that may embed it"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "https://intranet.example.org"}),
        help_text=gettext_lazy("One origin a line. Empty: no site."),
    )

    def __init__(
        self, *args: Any, model: RegisteredModel, published: PublishedForm | None = None, **kwargs: Any
    ):
        super().__init__(*args, **kwargs)
        self.published = published
        names = form_settings.form_version(model).signature.names
        settings = form_settings.of(model)
        # The index is sent: a column's name can be any text.
        self._names = names
        self.fields["columns"].choices = [  # type: ignore[attr-defined]
            (str(place), settings.of(name).label or name)
            for place, name in enumerate(names)
            if not settings.of(name).is_fixed
        ]
        aliases = model.aliases.values_list("alias", flat=True)
        numbers = model.versions.filter(archived_at=None).order_by("-number").values_list("number", flat=True)
        pairs = [(each, each) for each in aliases]
        pairs += [(str(each), _("version %(number)s") % {"number": each}) for each in numbers[:50]]
        if published is not None and published.version not in dict(pairs):
            pairs.append((published.version, published.version))
        self.fields["version"].choices = pairs  # type: ignore[attr-defined]
        self.fields["version"].initial = CHAMPION
        if published is not None:
            self._fill_from(published)

    def _fill_from(self, published: PublishedForm) -> None:
        self.fields["lifetime"].choices = [(KEPT, _("As it is")), *LIFETIMES]  # type: ignore[attr-defined]
        self.initial = {
            "title": published.title,
            "wording": published.wording,
            "version": published.version,
            "columns": [str(self._names.index(each)) for each in published.columns if each in self._names],
            "shows": published.shows,
            "lifetime": KEPT,
            "requests_per_minute": published.requests_per_minute,
            "requests_per_minute_of_address": published.requests_per_minute_of_address,
            "frame_origins": "\n".join(published.frame_origins),
        }

    def clean_lifetime(self) -> datetime | None:
        days = self.cleaned_data["lifetime"]
        if days == KEPT and self.published is not None:
            return self.published.expires_at
        return timezone.now() + timedelta(days=int(days)) if days else None

    def new(self) -> NewForm:
        sent = self.cleaned_data
        return NewForm(
            title=sent["title"],
            wording=sent["wording"].replace("\r\n", "\n"),
            version=sent["version"],
            columns=tuple(self._names[int(each)] for each in sent["columns"]),
            shows=sent["shows"],
            expires_at=sent["lifetime"],
            requests_per_minute=sent["requests_per_minute"],
            requests_per_minute_of_address=sent["requests_per_minute_of_address"],
            frame_origins=tuple(sent["frame_origins"].split()),
        )


@method_decorator(never_cache, name="dispatch")
class PublishedFormList(ModelPage):
    """The published forms of a model. Creating one shows its link, only once."""

    required_role = WorkspaceRole.ADMIN
    field_names = tuple(PublishForm.base_fields)

    def get(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        self.load_model(slug)
        has_version = self.registered_model.versions.exists()
        return self.page(self.new_form() if has_version else None)

    def post(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        model = self.load_model(slug)
        if not model.versions.exists():
            return self.page(None, error=InvalidInput(_("The model has no version to publish.")))
        form = PublishForm(request.POST, model=model)
        if not form.is_valid():
            return self.page(form, error=InvalidInput(_("The form has a fault; see below.")))
        try:
            created = published_forms.create(registered_model=model, new=form.new(), by=request.user)
        except MlwebError as error:
            form.add_error(error.field if error.field in form.fields else None, translated(error.message))
            return self.page(form, error=error)
        path = reverse("linked-form", args=[created.token])
        link = request.build_absolute_uri(path)
        title = escape(created.form.title)
        frame = f'<iframe src="{link}" title="{title}" width="100%" height="700"></iframe>'
        return self.page(self.new_form(), created=created.form, link=link, frame=frame)

    def new_form(self) -> PublishForm:
        return PublishForm(model=self.registered_model, initial={"title": self.registered_model.name})

    def page(self, form: PublishForm | None, error: MlwebError | None = None, **context: Any) -> HttpResponse:
        model = self.registered_model
        rows = model.published_forms.select_related("created_by").defer("wording", "columns")[:MAX_SHOWN]
        response = render(
            self.request,
            "predictor/predictions/published_form_list.html",
            {"model": model, "form": form, "rows": rows, "error": error, **context},
        )
        return refused(response, error)


class PublishedFormChange(ModelPage):
    """Switch a page off or on, or revoke its link."""

    required_role = WorkspaceRole.ADMIN
    field_names = ("do",)
    http_method_names = ["post"]

    def post(self, request: HttpRequest, workspace: str, slug: str, pk: int) -> HttpResponse:
        model = self.load_model(slug)
        rows = PublishedForm.objects.filter(registered_model=model)
        row = self.get_visible_or_404(rows, pk=pk)
        do = request.POST.get("do", "")
        try:
            if do == "revoke":
                published_forms.revoke(form=row, by=request.user)
                messages.success(request, _("The link of “%(title)s” is revoked.") % {"title": row.title})
            elif do in ("on", "off"):
                published_forms.switch(form=row, is_on=do == "on", by=request.user)
                said = _("“%(title)s” is open again.") if do == "on" else _("“%(title)s” is closed.")
                messages.success(request, said % {"title": row.title})
            else:
                raise InvalidInput(_("Say what to do: on, off or revoke."))
        except MlwebError as error:
            messages.error(request, error.message)
        return redirect("published-form-list", self.workspace.slug, slug)


class PublishedFormEdit(ModelPage):
    """Change what a published page says, asks for and allows; its link stays."""

    required_role = WorkspaceRole.ADMIN
    field_names = tuple(PublishForm.base_fields)

    def get(self, request: HttpRequest, workspace: str, slug: str, pk: int) -> HttpResponse:
        row = self.row(slug, pk)
        return self.page(row, PublishForm(model=self.registered_model, published=row))

    def post(self, request: HttpRequest, workspace: str, slug: str, pk: int) -> HttpResponse:
        row = self.row(slug, pk)
        form = PublishForm(request.POST, model=self.registered_model, published=row)
        if not form.is_valid():
            return self.page(row, form, InvalidInput(_("The form has a fault; see below.")))
        try:
            published_forms.change(form=row, by=request.user, **vars(form.new()))
        except MlwebError as error:
            form.add_error(error.field if error.field in form.fields else None, translated(error.message))
            return self.page(row, form, error)
        messages.success(request, _("“%(title)s” is changed.") % {"title": row.title})
        return redirect("published-form-list", self.workspace.slug, slug)

    def row(self, slug: str, pk: int) -> PublishedForm:
        model = self.load_model(slug)
        found: PublishedForm = self.get_visible_or_404(
            PublishedForm.objects.filter(registered_model=model, revoked_at=None), pk=pk
        )
        return found

    def page(self, row: PublishedForm, form: PublishForm, error: MlwebError | None = None) -> HttpResponse:
        context = {"model": self.registered_model, "row": row, "form": form}
        response = render(self.request, "predictor/predictions/published_form_edit.html", context)
        return refused(response, error)
