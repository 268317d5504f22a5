"""The owner's settings of the form to predict: a list of the columns, a page for each, and who changed what."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...errors import InvalidInput, MlwebError, NotFound
from ...i18n.translation import translated
from ...ml.types.field_settings import MAX_CHOICES, MAX_HELP, MAX_LABEL, MAX_ORDER, MAX_UNIT, FieldSetting
from ...ml.types.schema import FeatureField, Role
from ...models import ModelVersion, WorkspaceRole
from ...services.registry import form_settings
from ..pages.model_page import ModelPage
from ..pages.refusals import refused
from ..pages.value_texts import cell_text, text_of, value_of
from .predict import importance_of
from .row_form import Input, RowForm


class FieldForm(forms.Form):
    """The settings of one column."""

    column = forms.CharField(widget=forms.HiddenInput, strip=False)
    label = forms.CharField(label=gettext_lazy("Label"), required=False, max_length=MAX_LABEL)
    unit = forms.CharField(label=gettext_lazy("Unit"), required=False, max_length=MAX_UNIT)
    help = forms.CharField(label=gettext_lazy("Help beneath the field"), required=False, max_length=MAX_HELP)
    order = forms.IntegerField(
        label=gettext_lazy("Place"),
        required=False,
        min_value=0,
        max_value=MAX_ORDER,
        help_text=gettext_lazy("Smaller numbers come first; fields without one follow by importance."),
    )
    is_hidden = forms.BooleanField(
        label=gettext_lazy("Hidden"),
        required=False,
        help_text=gettext_lazy("The form does not ask for it; it gets the fixed or the typical value."),
    )
    is_immutable = forms.BooleanField(
        label=gettext_lazy("Immutable"),
        required=False,
        help_text=gettext_lazy("“What would have to change” leaves it as it is."),
    )
    is_locked = forms.BooleanField(
        label=gettext_lazy("Fixed to the value below"),
        required=False,
        help_text=gettext_lazy("People who fill the form cannot change it."),
    )
    locked = forms.CharField(
        label=gettext_lazy("Fixed value"),
        required=False,
        strip=False,
        help_text=gettext_lazy("Empty means missing."),
    )
    minimum = forms.FloatField(label=gettext_lazy("Smallest allowed value"), required=False)
    maximum = forms.FloatField(label=gettext_lazy("Greatest allowed value"), required=False)
    choices = forms.CharField(
        label=gettext_lazy("Choices"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("One a line; other values are refused."),
    )

    def __init__(self, *args: Any, column: FeatureField, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._column = column
        if column.role is not Role.NUMERIC:
            del self.fields["minimum"], self.fields["maximum"]
        if column.role in (Role.BOOLEAN, Role.DATETIME):
            del self.fields["choices"]

    @classmethod
    def initial_of(cls, setting: FieldSetting, column: FeatureField) -> dict[str, Any]:
        known = {name: getattr(setting, name, None) for name in cls.base_fields}
        return {
            **known,
            "column": column.name,
            "locked": text_of(column, setting.locked),
            "choices": "\n".join(setting.choices),
        }

    def entry(self) -> dict[str, Any]:
        """The setting as its JSON. Raises InvalidInput."""
        sent = self.cleaned_data
        lines = [line.strip() for line in sent.get("choices", "").splitlines()]
        choices = [line for line in lines if line]
        if len(choices) > MAX_CHOICES:
            raise InvalidInput(
                _("The choices are a list of at most %(max_choices)s texts.") % {"max_choices": MAX_CHOICES},
                limit=MAX_CHOICES,
            )
        entry: dict[str, Any] = {
            "label": sent["label"],
            "unit": sent["unit"],
            "help": sent["help"],
            "order": sent["order"],
            "hidden": sent["is_hidden"],
            "immutable": sent["is_immutable"],
            "minimum": sent.get("minimum"),
            "maximum": sent.get("maximum"),
            "choices": choices,
        }
        if sent["is_locked"]:
            entry["locked"] = value_of(self._column, sent["locked"])
            if self._column.role is Role.NUMERIC and isinstance(entry["locked"], str):
                raise InvalidInput(_("The fixed value of this column has to be a number."))
        return entry


class FormSettingsPage(ModelPage):
    """All columns with their settings, in the order of the form, and the last changes."""

    def get(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        model = self.load_model(slug)
        version = version_of(self)
        settings = form_settings.of(model)
        form = RowForm(version.signature, importance=importance_of(version), settings=settings)
        context = {
            "model": model,
            "version": version,
            "columns": [(each, tags_of(each)) for each in form.by_importance],
            "changes": form_settings.changes(model),
        }
        return render(request, "predictor/predictions/form_settings.html", context)


class FieldSettingsPage(ModelPage):
    """The settings of one column, by its place in the version whose columns the form has."""

    required_role = WorkspaceRole.MEMBER
    field_names = tuple(FieldForm.base_fields)

    def get(self, request: HttpRequest, workspace: str, slug: str, place: int) -> HttpResponse:
        column = self.column(slug, place)
        setting = form_settings.of(self.registered_model).of(column.name)
        return self.page(column, FieldForm(initial=FieldForm.initial_of(setting, column), column=column))

    def post(self, request: HttpRequest, workspace: str, slug: str, place: int) -> HttpResponse:
        column = self.column(slug, place)
        form = FieldForm(request.POST, column=column)
        if not form.is_valid():
            return refused(self.page(column, form), InvalidInput(""))
        try:
            if form.cleaned_data["column"] != column.name:
                raise InvalidInput(_("The columns of the model changed meanwhile; open the page again."))
            form_settings.change(
                registered_model=self.registered_model,
                fields={column.name: form.entry()},
                by=request.user,
                is_whole=False,
            )
        except MlwebError as error:
            details = [translated(each.detail) for each in error.problems]
            form.add_error(None, " ".join(details) or translated(error.message))
            return refused(self.page(column, form), error)
        messages.success(request, _("The form settings of “%(column)s” are saved.") % {"column": column.name})
        return redirect("form-settings", self.workspace.slug, slug)

    def column(self, slug: str, place: int) -> FeatureField:
        self.load_model(slug)
        fields = version_of(self).signature.fields
        if place >= len(fields):
            raise Http404(_("The model has no such column."))
        return fields[place]

    def page(self, column: FeatureField, form: FieldForm) -> HttpResponse:
        context = {"model": self.registered_model, "column": column, "form": form}
        return render(self.request, "predictor/predictions/form_field.html", context)


def version_of(page: ModelPage) -> ModelVersion:
    try:
        return form_settings.form_version(page.registered_model)
    except NotFound as error:
        raise Http404(error.message) from None


def tags_of(each: Input) -> list[str]:
    """What is set for a column, in a few words each."""
    setting = each.setting
    return [
        words
        for words, is_set in (
            (_("hidden"), setting.is_hidden),
            (_("fixed: %(value)s") % {"value": cell_text(setting.locked)}, setting.is_locked),
            (_("immutable"), setting.is_immutable),
            (each.allowed_range, bool(each.allowed_range)),
            (_("%(n)s choices") % {"n": len(setting.choices)}, bool(setting.choices)),
            (_("place %(n)s") % {"n": setting.order}, setting.order is not None),
        )
        if is_set
    ]
