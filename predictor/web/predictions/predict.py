"""The prediction page: a form for one row, its answer, and the same call with curl."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from ...errors import InvalidInput, InvalidRows, MlwebError, NotFound, quoted
from ...ml.types.schema import Signature, Task, canonical_text, label_text
from ...models import CHAMPION, ModelVersion, PredictionLog
from ...services import predictions, registry
from ...services.predictions.nearest_examples import N_NEAREST
from ...templatetags.mlweb import number
from ..evaluation.clustering_page import cluster_sentence
from ..evaluation.report import ReportView
from ..pages.coverage_words import coverage_choices, sure_words
from ..pages.model_page import ModelPage, caller_of
from ..pages.refusals import refused
from ..pages.value_texts import cell_text
from ..registry.snippets import curl, predictions_url
from .contributions import contributions_of
from .row_form import RowForm, row_names

# More classes than these are listed on request only.
MAX_BARS = 8
MAX_VERSIONS = 50
MAX_NEAR_COLUMNS = 10


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


class Predict(ModelPage):
    query_names = ("from", "version")
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
        form = RowForm(
            version.signature, row=logged.inputs if logged else None, importance=importance_of(version)
        )
        return self.page(form, version, requested, logged=logged)

    def post(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        """Read the columns of the version that the form was made for, and predict with the requested version.

        If an alias moved in between, values are matched by column name: no value gets into another column.
        """
        model = self.load_model(slug)
        requested = request.POST.get("version") or CHAMPION
        made_for = self.version(request.POST.get("made_for") or requested)
        self.refuse_unknown_fields(row_names(made_for.signature))
        form = RowForm.from_post(made_for.signature, request.POST, importance=importance_of(made_for))
        try:
            answer = predictions.predict(
                registered_model=model,
                rows=[form.row],
                options=predictions.PredictionOptions(
                    version=requested,
                    explain=True,
                    coverage=coverage_of(request.POST.get("coverage", "")),
                    nearest=N_NEAREST,
                    is_lenient=True,
                ),
                caller=caller_of(request),
            )
        except NotFound as error:
            raise Http404(error.message) from None
        except MlwebError as error:
            form.errors = field_errors(error, made_for.signature)
            return self.page(form, made_for, requested, error=error)
        return self.page(form, made_for, requested, answer=answer)

    def logged_row(self, key: str) -> PredictionLog | None:
        if not key:
            return None
        try:
            pk = uuid.UUID(key)
        except ValueError:
            raise Http404("There is no such prediction.") from None
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
            "heading": heading_of(version.signature, "Predict"),
            "asked": requested,
            "coverages": coverage_choices(self.request.POST.get("coverage", ""))
            if "uncertainty.json" in version.artifacts
            else [],
            "curl": curl(url, form.row, "" if requested == CHAMPION else requested),
            **more,
        }
        if answer:
            context |= explored(answer, version, form)
            context["prediction"] = answer.predictions[0]
            context["shown"] = shown = shown_answer(answer.predictions[0].output)
            # The form may have been made for another version than the one that answered.
            if version.task == Task.CLUSTERING and version.number == answer.version:
                context["cluster"] = cluster_sentence(version, shown.label)
            context["contributions"] = contributions_of(
                answer.predictions[0].explanation,
                form.row,
                version.signature.subject,
                version.evaluation.get("explanations"),
            )
        # htmx swaps the answer alone; without it the whole page comes back, with what was typed.
        is_part = getattr(self.request, "htmx", False) and self.request.method == "POST"
        context["is_part"] = is_part
        if not is_part:
            context["choices"] = version_choices(self)
        template = (
            "predictor/predictions/_prediction_result.html"
            if is_part
            else "predictor/predictions/predict.html"
        )
        return refused(render(self.request, template, context), more.get("error"))


def heading_of(signature: Signature, verb: str) -> str:
    """ "Predict price", or what the task is called where there is no target."""
    return f"{verb} {signature.target}" if signature.target else capfirst(signature.subject)


def coverage_of(text: str) -> float | None:
    """The coverage that a form asks for. Raises InvalidInput."""
    try:
        return float(text) if text.strip() else None
    except ValueError:
        raise InvalidInput(f"The coverage has to be a number; got {quoted(text)}.") from None


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
    links = [("what-if-title", "what if"), ("nearest-title", "training rows like it")]
    if has_examples:
        links.append(("counterfactuals-title", "what would have to change"))
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
            messages.setdefault(name, problem.detail.removeprefix(f"Row 1, column {quoted(name)}: "))
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
        *((each.alias, f"{each.alias} (version {each.model_version.number})") for each in aliases),
        *((str(each), f"version {each}") for each in numbers.values_list("number", flat=True)[:MAX_VERSIONS]),
    ]
