"""Predicting by form: one row, its answer, and the same call for a program."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from ..errors import InvalidInput, InvalidRows, MlwebError, NotFound, NotServable
from ..errors import shown as quoted
from ..ml.types.schema import Signature, Task, canonical_text
from ..models import CHAMPION, ModelVersion, PredictionLog, PredictionSource
from ..services import predictions, registry
from ..services.examples import N_NEAREST
from ..templatetags.mlweb import number
from .clustering_page import cluster_sentence
from .contributions import contributions_of
from .coverage_words import coverage_choices, sure_words
from .evaluation_report import ReportView
from .model_page import ModelPage
from .prediction_forms import RowForm
from .prediction_values import cell_text
from .snippets import curl, predictions_url

if TYPE_CHECKING:
    from ..ml.explanation.nearest_examples import Near

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
    """What was answered, from the log's form of it: {prediction, probabilities?, error?}."""
    prediction = output.get("prediction")
    probabilities = output.get("probabilities")
    if not isinstance(probabilities, Mapping):
        label = (
            number(prediction, 7) if isinstance(prediction, float) else str(canonical_text(prediction) or "–")
        )
        return ShownAnswer(label, (), output.get("error", ""), sure_words(output))
    label = str(canonical_text(prediction) or "–")
    ranked = sorted(probabilities.items(), key=lambda pair: -pair[1])
    bars = tuple(Bar(name, each, name == label) for name, each in ranked)
    return ShownAnswer(label, bars, output.get("error", ""), sure_words(output))


def importance_of(version: ModelVersion) -> dict[str, float]:
    return ReportView(version).importance


class Predict(ModelPage):
    def get(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        model = self.load_model(slug)
        logged = self.logged_row(request.GET.get("from", ""))
        asked = request.GET.get("version") or (str(logged.model_version.number) if logged else CHAMPION)
        try:
            version = registry.version_of(model, asked)
        except NotFound as error:
            if request.GET.get("version"):
                raise Http404(error.message) from None
            return render(request, "predictor/predictions/predict_empty.html", {"model": model})
        if version.signature.task is Task.FORECASTING and logged is None:
            path = reverse("forecast", args=[self.workspace.slug, slug])
            return redirect(f"{path}?{urlencode({'version': asked})}" if asked != CHAMPION else path)
        form = RowForm(
            version.signature, row=logged.inputs if logged else None, importance=importance_of(version)
        )
        return self.page(form, version, asked, logged=logged)

    def post(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        """The columns are those of the version that the form was made for; the row goes to the version asked.

        If an alias moved in between, the row still goes by column name: no value lands in another column.
        """
        model = self.load_model(slug)
        asked = request.POST.get("version") or CHAMPION
        made_for = self.version(request.POST.get("made_for") or asked)
        form = RowForm.from_post(made_for.signature, request.POST, importance=importance_of(made_for))
        try:
            answer = predictions.predict(
                registered_model=model,
                rows=[form.row],
                version=asked,
                explain=True,
                coverage=coverage_of(request.POST.get("coverage", "")),
                nearest=N_NEAREST,
                is_lenient=True,
                by=request.user,
                source=PredictionSource.FORM,
                request_id=getattr(request, "request_id", ""),
            )
        except NotFound as error:
            raise Http404(error.message) from None
        except MlwebError as error:
            form.errors = field_errors(error, made_for.signature)
            status = 409 if isinstance(error, NotServable) else 400
            return self.page(form, made_for, asked, error=error, status=status)
        return self.page(form, made_for, asked, answer=answer)

    def logged_row(self, key: str) -> PredictionLog | None:
        if not key:
            return None
        try:
            pk = uuid.UUID(key)
        except ValueError:
            raise Http404("There is no such prediction.") from None
        logged = PredictionLog.objects.select_related("model_version")
        return self.get_visible_or_404(logged, pk=pk, model_version__registered_model=self.registered_model)

    def page(
        self, form: RowForm, version: ModelVersion, asked: str, *, status: int = 200, **more: Any
    ) -> HttpResponse:
        model = self.registered_model
        answer: predictions.Answer | None = more.get("answer")
        url = predictions_url(self.request, model)
        context = {
            "model": model,
            "form": form,
            "version": version,
            "heading": heading_of(version.signature, "Predict"),
            "asked": asked,
            "coverages": coverage_choices(self.request.POST.get("coverage", ""))
            if "uncertainty.json" in version.artifacts
            else [],
            "curl": curl(url, form.row, "" if asked == CHAMPION else asked),
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
                answer.predictions[0].explanation, form.row, version.signature.subject
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
        return render(self.request, template, context, status=status)


def heading_of(signature: Signature, verb: str) -> str:
    """ "Predict price", or what the task is called where there is no target."""
    return f"{verb} {signature.target}" if signature.target else capfirst(signature.subject)


def coverage_of(text: str) -> float | None:
    """The coverage that a form asks for. Raises InvalidInput."""
    try:
        return float(text) if text.strip() else None
    except ValueError:
        raise InvalidInput(f"The coverage has to be a number; got {quoted(text)}.") from None


def explored(answer: predictions.Answer, version: ModelVersion, form: RowForm) -> dict[str, Any]:
    """What can be looked at beneath the answer, if the form's version gave it."""
    if not version.signature.task.is_supervised or answer.version != version.number:
        return {}
    prediction = answer.predictions[0]
    return {
        "can_explore": not prediction.error,
        "what_if": form,
        "nearest": nearest_rows(prediction.nearest, form),
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
    """A training row beneath the answer: its target, and its values in the order of importance."""

    distance: float
    target: str
    cells: tuple[tuple[str, bool], ...]


def nearest_rows(found: Sequence[Near] | None, form: RowForm) -> list[NearRow]:
    asked, names = form.row, [each.field.name for each in form.by_importance[:MAX_NEAR_COLUMNS]]
    return [
        NearRow(
            each.distance,
            shown_answer({"prediction": each.target}).label,
            tuple((cell_text(each.row[name]), each.row[name] == asked[name]) for name in names),
        )
        for each in found or ()
    ]


def field_errors(error: MlwebError, signature: Signature) -> dict[str, str]:
    """The service's sentences beside the fields they are about."""
    if not isinstance(error, InvalidRows):
        return {}
    found: dict[str, str] = {}
    for problem in error.problems:
        name = column_of(problem.pointer)
        if name in signature.names:
            # One row, and the field stands beside it: where the fault is need not be said.
            found.setdefault(name, problem.detail.removeprefix(f"Row 1, column {quoted(name)}: "))
    return found


def column_of(pointer: str) -> str:
    """The column in "/rows/0/age" (a JSON pointer, RFC 6901); a bare name is taken as it is."""
    if not pointer.startswith("/"):
        return pointer
    return pointer.rsplit("/", 1)[1].replace("~1", "/").replace("~0", "~")


def version_choices(page: ModelPage) -> list[tuple[str, str]]:
    """What the form can ask: aliases with the version behind them, then the newest versions that serve."""
    model = page.registered_model
    aliases = model.aliases.select_related("model_version").only(
        "alias", "registered_model_id", "model_version__number"
    )
    numbers = ModelVersion.objects.filter(registered_model=model).servable().order_by("-number")
    return [
        *((each.alias, f"{each.alias} (version {each.model_version.number})") for each in aliases),
        *((str(each), f"version {each}") for each in numbers.values_list("number", flat=True)[:MAX_VERSIONS]),
    ]
