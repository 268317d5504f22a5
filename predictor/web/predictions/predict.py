"""The prediction page: a form for one row, its answer, scenarios side by side, and the same call with curl.

The answer follows the typing: such previews are not logged (docs/adr/0015-what-is-tried-is-not-logged.md); the button
logs.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...errors import InvalidInput, InvalidRows, MlwebError, NotFound, quoted
from ...i18n.translation import translated
from ...ml.types.schema import Signature, Task, canonical_text, label_text
from ...models import CHAMPION, ModelVersion, PredictionLog, PredictionSource
from ...services import predictions, registry
from ...services.predictions import example_rows
from ...services.predictions.nearest_examples import N_NEAREST
from ...services.registry import form_settings
from ...templatetags.mlweb import number, share, subject_words
from ..evaluation.clustering_page import cluster_sentence
from ..evaluation.report import ReportView
from ..pages.coverage_words import coverage_choices, sure_words
from ..pages.model_page import ModelPage, caller_of
from ..pages.refusals import refused
from ..pages.value_texts import cell_text
from ..registry.snippets import curl, predictions_url
from . import scenarios
from .contributions import contributions_of
from .row_form import RowForm, row_names

# More classes than these are listed on request only.
MAX_BARS = 8
MAX_VERSIONS = 50
MAX_NEAR_COLUMNS = 10
# Own rows to start with, and how many of the version's newest rows are looked through for them.
N_LAST_ROWS, N_LOOKED_THROUGH = 4, 200


@dataclass(frozen=True)
class Bar:
    """One class and its probability."""

    name: str
    probability: float
    is_predicted: bool


@dataclass(frozen=True)
class ShownAnswer:
    """A prediction as the page and the log show it: in words, with bars, most probable class first."""

    label: str
    bars: tuple[Bar, ...]
    error: str = ""
    sure: str = ""

    @property
    def first_bars(self) -> tuple[Bar, ...]:
        return self.bars[:MAX_BARS]

    @property
    def more_bars(self) -> tuple[Bar, ...]:
        return self.bars[MAX_BARS:]


def shown_answer(output: Mapping[str, Any]) -> ShownAnswer:
    """A prediction for display, from its logged form: {prediction, probabilities?, error?}."""
    prediction = output.get("prediction")
    probabilities = output.get("probabilities")
    if not isinstance(probabilities, Mapping):
        label = (
            number(prediction, 7) if isinstance(prediction, float) else str(canonical_text(prediction) or "–")
        )
        return ShownAnswer(label, (), output.get("error", ""), sure_words(output))
    label = "–" if prediction is None else label_text(prediction)
    ranked = sorted(probabilities.items(), key=lambda pair: -pair[1])
    bars = tuple(Bar(name, each, name == label) for name, each in ranked)
    return ShownAnswer(label, bars, output.get("error", ""), sure_words(output))


def importance_of(version: ModelVersion) -> dict[str, float]:
    return ReportView(version).importance


# What the buttons of the form do; without one of these, the row is predicted and logged.
PREVIEW, PIN, UNPIN, CLEAR = "preview", "pin", "unpin-", "clear"


class Predict(ModelPage):
    query_names = ("from", "version", "example")
    field_names = None

    def get(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        model = self.load_model(slug)
        logged = self.logged_row(request.GET.get("from", ""))
        requested = request.GET.get("version") or (str(logged.model_version.number) if logged else CHAMPION)
        try:
            version = registry.version_of(model, requested)
        except NotFound as error:
            if request.GET.get("version"):
                raise Http404(error.message) from None
            return render(request, "predictor/predictions/predict_empty.html", {"model": model})
        if version.signature.task is Task.FORECASTING and logged is None:
            path = reverse("forecast", args=[self.workspace.slug, slug])
            return redirect(f"{path}?{urlencode({'version': requested})}" if requested != CHAMPION else path)
        row = logged.inputs if logged else None
        started_with, fault = "", None
        if logged is None and (started_with := request.GET.get("example", "")):
            try:
                row = example_rows.row_of(version, started_with)
            except NotFound as not_found:
                raise Http404(not_found.message) from None
            except MlwebError as damaged:
                fault = damaged
        form = RowForm(
            version.signature,
            row=row,
            importance=importance_of(version),
            settings=form_settings.of(model),
        )
        return self.page(form, version, requested, logged=logged, started_with=started_with, error=fault)

    def post(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        """Read the columns of the version that the form was made for, and predict with the requested version.

        If an alias moved in between, values are matched by column name: no value gets into another column.
        """
        model = self.load_model(slug)
        requested = request.POST.get("version") or CHAMPION
        made_for = self.version(request.POST.get("made_for") or requested)
        self.refuse_unknown_fields(row_names(made_for.signature))
        form = RowForm.from_post(
            made_for.signature,
            request.POST,
            importance=importance_of(made_for),
            settings=form_settings.of(model),
        )
        do = request.POST.get("do", "")
        if do == CLEAR or do.startswith(UNPIN):
            return self.without_pins(do, form, made_for, requested)
        is_tried = do in (PREVIEW, PIN)
        try:
            require_allowed(form)
            answer = predictions.predict(
                registered_model=model,
                rows=[form.row],
                options=predictions.PredictionOptions(
                    version=requested,
                    explain=True,
                    coverage=coverage_of(request.POST.get("coverage", "")),
                    nearest=0 if is_tried else N_NEAREST,
                    is_lenient=True,
                    is_logged=not is_tried,
                ),
                caller=caller_of(request),
            )
            if do == PIN:
                self.pin(form, answer)
        except NotFound as error:
            raise Http404(error.message) from None
        except MlwebError as error:
            form.errors = field_errors(error, made_for.signature)
            return self.page(form, made_for, requested, error=error, is_preview=is_tried, is_pinned=do == PIN)
        return self.page(form, made_for, requested, answer=answer, is_preview=is_tried, is_pinned=do == PIN)

    def pin(self, form: RowForm, answer: predictions.PredictionResponse) -> None:
        shown = shown_answer(answer.predictions[0].output)
        words = {"label": shown.error or shown.label, "sure": shown.sure, "version": answer.version}
        chances = [share(bar.probability) for bar in shown.bars if bar.is_predicted]
        scenarios.pin(
            self.request.session,
            self.registered_model.pk,
            row=form.row,
            answer={**words, "probability": "".join(chances)},
        )

    def without_pins(self, do: str, form: RowForm, version: ModelVersion, requested: str) -> HttpResponse:
        """Remove a scenario, or all of them; what was typed stays."""
        place = do.removeprefix(UNPIN)
        if do == CLEAR:
            scenarios.clear(self.request.session, self.registered_model.pk)
        elif place.isascii() and place.isdecimal() and len(place) < 3:
            scenarios.unpin(self.request.session, self.registered_model.pk, int(place))
        return self.page(form, version, requested, is_preview=True, is_pins_only=True)

    def logged_row(self, key: str) -> PredictionLog | None:
        if not key:
            return None
        try:
            pk = uuid.UUID(key)
        except ValueError:
            raise Http404(_("There is no such prediction.")) from None
        logged = PredictionLog.objects.select_related("model_version")
        return self.get_visible_or_404(logged, pk=pk, model_version__registered_model=self.registered_model)

    def page(self, form: RowForm, version: ModelVersion, requested: str, **more: Any) -> HttpResponse:
        model = self.registered_model
        answer: predictions.PredictionResponse | None = more.get("answer")
        url = predictions_url(self.request, model)
        context = {
            "model": model,
            "form": form,
            "version": version,
            "heading": heading_of(version.signature, gettext_lazy("Predict %(target)s")),
            "asked": requested,
            "scenarios": scenarios.table(scenarios.pinned(self.request.session, model.pk), form),
            "coverages": coverage_choices(self.request.POST.get("coverage", ""))
            if "uncertainty.json" in version.artifacts
            else [],
            "curl": curl(url, form.row, "" if requested == CHAMPION else requested),
            **more,
        }
        if answer:
            context |= {} if more.get("is_preview") else explored(answer, version, form)
            context["prediction"] = answer.predictions[0]
            context["shown"] = shown = shown_answer(answer.predictions[0].output)
            # The form may have been made for another version than the one that answered.
            if version.task == Task.CLUSTERING and version.number == answer.version:
                context["cluster"] = cluster_sentence(version, shown.label)
            context["contributions"] = contributions_of(
                answer.predictions[0].explanation,
                form.row,
                subject_words(version.signature),
                version.evaluation.get("explanations"),
            )
        # htmx swaps the answer alone; without it the whole page comes back, with what was typed.
        is_part = getattr(self.request, "htmx", False) and self.request.method == "POST"
        context["is_part"] = is_part
        if not is_part:
            context["choices"] = version_choices(self)
            context["starts"] = self.starts(version)
        template = (
            f"predictor/predictions/{'_pins' if more.get('is_pins_only') else '_prediction_result'}.html"
            if is_part
            else "predictor/predictions/predict.html"
        )
        return refused(render(self.request, template, context), more.get("error"))

    def starts(self, version: ModelVersion) -> list[Start]:
        """The rows that the form can start with: examples of training, and the person's last logged rows."""
        path = self.request.path
        found = [
            Start(
                f"{path}?{urlencode({'example': key, 'version': version.number})}",
                example_words(version, key),
            )
            for key in example_rows.keys_of(version)
        ]
        return found + [
            Start(f"{path}?{urlencode({'from': each.pk})}", shown_answer(each.output).label, each.created_at)
            for each in last_rows_of(self.request.user, version)
        ]


@dataclass(frozen=True)
class Start:
    """A row to start the form with. `at`: when it was logged; None for an example."""

    url: str
    label: str
    at: datetime | None = None


def example_words(version: ModelVersion, key: str) -> str:
    words = {
        example_rows.RANDOM: _("A random training row"),
        "lowest": _("The lowest value"),
        "median": _("A middle value"),
        "highest": _("The highest value"),
    }
    if key in words:
        return words[key]
    name = version.signature.class_names[int(key.removeprefix("class-"))]
    return _("A typical “%(name)s”") % {"name": name}


def last_rows_of(user: Any, version: ModelVersion) -> list[PredictionLog]:
    """The person's last rows among the newest of the version; how many are looked through is bounded."""
    rows = PredictionLog.objects.filter(model_version=version).order_by("-id")
    newest = rows.values_list("pk", "actor_id", "source")[:N_LOOKED_THROUGH]
    own = [pk for pk, actor, source in newest if actor == user.pk and source == PredictionSource.FORM]
    return list(
        PredictionLog.objects.filter(pk__in=own[:N_LAST_ROWS]).only("output", "created_at").order_by("-id")
    )


def require_allowed(form: RowForm) -> None:
    """Raises InvalidRows for values that the owner does not allow."""
    if problems := form.settings.problems(form.row, form.signature.names):
        raise InvalidRows(_("Some values are not allowed by the owner of the model."), problems=problems)


def heading_of(signature: Signature, message: Promise) -> str:
    """ "Predict price", or what the task is called where there is no target. `message` is lazy."""
    if not signature.target:
        return capfirst(subject_words(signature))
    return str(message) % {"target": signature.target}


def coverage_of(text: str) -> float | None:
    """The coverage that a form asks for. Raises InvalidInput."""
    try:
        return float(text) if text.strip() else None
    except ValueError:
        raise InvalidInput(
            _("The coverage has to be a number; got %(text)s.") % {"text": quoted(text)}
        ) from None


def explored(answer: predictions.PredictionResponse, version: ModelVersion, form: RowForm) -> dict[str, Any]:
    """The context of what-if and nearest rows below the answer; empty if another version than the form's answered."""
    if not version.signature.task.is_supervised or answer.version != version.number:
        return {}
    prediction = answer.predictions[0]
    return {
        "can_explore": not prediction.error,
        "what_if": form,
        "nearest": nearest_rows(prediction, form),
        "near_inputs": form.by_importance[:MAX_NEAR_COLUMNS],
        "has_examples": prediction.nearest is not None,
        "section_links": section_links(has_examples=prediction.nearest is not None),
    }


def section_links(*, has_examples: bool) -> SafeString:
    """Links to what stands beneath an answer."""
    links = [("what-if-title", _("what if")), ("nearest-title", _("training rows like it"))]
    if has_examples:
        links.append(("counterfactuals-title", _("what would have to change")))
    return format_html_join(", ", '<a href="#{}">{}</a>', links)


@dataclass(frozen=True)
class NearRow:
    """A training row below the answer: its target, and its values in the order of importance."""

    distance: float
    target: str
    cells: tuple[tuple[str, bool], ...]


def nearest_rows(prediction: predictions.Prediction, form: RowForm) -> list[NearRow]:
    row, names = form.row, [each.field.name for each in form.by_importance[:MAX_NEAR_COLUMNS]]
    return [
        NearRow(
            each.distance,
            shown_answer({"prediction": each.target}).label,
            tuple((cell_text(each.row[name]), each.row[name] == row[name]) for name in names),
        )
        for each in prediction.nearest or ()
    ]


def field_errors(error: MlwebError, signature: Signature) -> dict[str, str]:
    """The service's error messages by column name."""
    if not isinstance(error, InvalidRows):
        return {}
    messages: dict[str, str] = {}
    for problem in error.problems:
        name = column_of(problem.pointer)
        if name in signature.names:
            # The message is shown at its field, so it need not name the row and the column.
            detail = problem.detail.removeprefix(f"Row 1, column {quoted(name)}: ")
            messages.setdefault(name, translated(detail))
    return messages


def column_of(pointer: str) -> str:
    """The column in "/rows/0/age" (a JSON pointer, RFC 6901); a bare name is taken as it is."""
    if not pointer.startswith("/"):
        return pointer
    return pointer.rsplit("/", 1)[1].replace("~1", "/").replace("~0", "~")


def version_choices(page: ModelPage) -> list[tuple[str, str]]:
    """The versions to choose from: aliases with their version, then the newest versions that are not archived."""
    model = page.registered_model
    aliases = model.aliases.select_related("model_version").only(
        "alias", "registered_model_id", "model_version__number"
    )
    numbers = ModelVersion.objects.filter(registered_model=model).servable().order_by("-number")
    return [
        *(
            (
                each.alias,
                _("%(alias)s (version %(number)s)")
                % {"alias": each.alias, "number": each.model_version.number},
            )
            for each in aliases
        ),
        *(
            (str(each), _("version %(number)s") % {"number": each})
            for each in numbers.values_list("number", flat=True)[:MAX_VERSIONS]
        ),
    ]
