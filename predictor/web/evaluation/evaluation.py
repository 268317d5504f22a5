"""The version page with its evaluation report, and the comparison of two versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from ...errors import MlwebError
from ...ml.types.monotone import monotone_sentences
from ...ml.types.schema import FeatureField, Task
from ...ml.types.warnings import WarningKind
from ...models import ModelVersion
from ...services import registry
from ...services.registry.comparison import ComparedValue
from ...templatetags.mlweb import counted, number
from ...templatetags.registry import filesize_si
from ..pages.metric_words import headline_metric, metric_of
from ..pages.model_page import ModelPage
from ..pages.value_texts import range_words
from .anomaly_page import AnomalyPage
from .clustering_page import ClusteringPage
from .completion import AbsentPartsView
from .partial_dependence import DependenceView
from .report import ReportView, parity_sentence
from .report_parts import ReportParts

OLD_LEAK = "possible leak"
# The report of a version without a target; each task has a template of its own.
PAGES = {Task.CLUSTERING.value: ClusteringPage, Task.ANOMALY.value: AnomalyPage}
FACT_TITLES = {
    "estimator": "Fitted",
    "task": "Task",
    "target": "Target",
    "threshold": "Threshold",
    "positive_class": "Positive class",
    "served": "Served",
    "n_bytes": "Size of all files",
    "name": "Dataset",
    "n_rows": "Rows",
    "n_columns": "Columns",
    "sha256": "SHA-256",
}


class VersionDetail(ModelPage):
    query_names = ("column", "class")

    def get(self, request: HttpRequest, workspace: str, slug: str, number: int) -> HttpResponse:
        model = self.load_model(slug)
        versions = ModelVersion.objects.select_related(
            "dataset",
            "training_run",
            "created_by",
            "made_from__training_run",
            "completion",
            "made_from__completion",
        ).defer("made_from__evaluation", "made_from__signature_json")
        version = versions.filter(registered_model=model, number=number).first()
        if version is None:
            raise Http404(f"{model.name} has no version {number}.")
        report = ReportView(version)
        dependence = DependenceView(report.report, version.signature.target, request.GET)
        if getattr(request, "htmx", False):
            return render(
                request, "predictor/evaluation/_partial_dependence_chart.html", {"dependence": dependence}
            )
        leaks, warnings = sorted_warnings(version)
        candidates = leaderboard(version)
        context = {
            "model": model,
            "version": version,
            "aliases": list(version.aliases.values_list("alias", flat=True)),
            "report": report,
            "dependence": dependence,
            "parts": ReportParts(version),
            "absent": AbsentPartsView(version),
            "described": PAGES[version.task](version) if version.task in PAGES else None,
            "headline": headline_metric(version),
            "lead": lead_of(version),
            "task_words": task_words(version),
            "monotone": monotone_sentences(report.report, version.signature.positive_name),
            "leaks": leaks,
            "warnings": warnings,
            "parity": parity_sentence(version),
            "leaderboard": candidates,
            "score_title": score_title(candidates, version),
            "fields": [feature_row(field, report.importance) for field in version.signature.fields],
            "params": list(flat(version.params)),
            "has_onnx": "model.onnx" in version.artifacts,
        }
        return render(request, "predictor/evaluation/version_detail.html", context)


def lead_of(version: ModelVersion) -> SafeString:
    """What the version predicts, from how many columns, and what was fitted."""
    signature = version.signature
    subject = (
        format_html('Predicts <strong class="wrap">{}</strong>', signature.target)
        if signature.target
        else capfirst(signature.subject)
    )
    return format_html(
        "{} from {}: {}.", subject, counted(len(signature.fields), "column"), version.estimator
    )


def task_words(version: ModelVersion) -> str:
    """The task, with the number of its classes or clusters."""
    signature = version.signature
    if not signature.classes:
        return signature.task.label
    noun = "cluster" if version.task == Task.CLUSTERING else "class,classes"
    return f"{signature.task.label}, {counted(len(signature.classes), noun)}"


def score_title(candidates: Sequence[Mapping[str, Any]], version: ModelVersion) -> str:
    """The heading above the candidates' scores; models with a target are compared by cross-validation."""
    metric = candidates[0]["metric"] if candidates else None
    title = metric.title if metric else "Score"
    return title if version.task in PAGES else f"{title}, by CV"


def sorted_warnings(version: ModelVersion) -> tuple[list[str], list[str]]:
    """The warnings of target leakage, and the other warnings. A leak makes every figure on the page doubtful."""
    leaks, others = list[str](), list[str]()
    for each in version.warnings or []:
        (leaks if is_leak(each) else others).append(warning_text(each))
    return leaks, others


def warning_text(warning: Any) -> str:
    return str(warning.get("message", warning) if isinstance(warning, Mapping) else warning)


def is_leak(warning: Any) -> bool:
    if isinstance(warning, Mapping) and "kind" in warning:
        return bool(warning["kind"] == WarningKind.LEAK)
    # Stored before warnings had a kind.
    return warning_text(warning).lower().startswith(OLD_LEAK)


def feature_row(field: FeatureField, importance: Mapping[str, float]) -> dict[str, Any]:
    n_levels = len(field.levels)
    return {
        "field": field,
        "range": ", ".join(field.levels[:5]) + (f" and {n_levels - 5} more" if n_levels > 5 else "")
        if field.levels
        else " ".join(range_words(field)),
        "importance": importance.get(field.name),
    }


def leaderboard(version: ModelVersion) -> list[dict[str, Any]]:
    """The candidates of the training run, best first."""
    run = version.trained.training_run
    if run is None:
        return []
    entries = [each for each in run.leaderboard or [] if isinstance(each, Mapping)]
    return [
        {
            **each,
            "metric": metric_of(each["metric"]) if each.get("metric") else None,
            "is_kept": bool(each.get("weight")),
        }
        for each in entries
    ]


def flat(params: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Hyperparameters as flat pairs of name and value; a nested name is its path, such as "a › b"."""
    if isinstance(params, Mapping) and params:
        for name, value in params.items():
            yield from flat(value, f"{prefix} › {name}" if prefix else str(name))
    elif isinstance(params, list) and params and any(isinstance(each, Mapping) for each in params):
        for position, value in enumerate(params, start=1):
            yield from flat(value, f"{prefix} {position}".strip())
    elif prefix:
        yield prefix, params


def fact(each: ComparedValue) -> tuple[str, ComparedValue]:
    """A fact of both versions under its title, in words."""
    shown = {"n_bytes": filesize_si, "n_rows": number, "n_columns": number, "threshold": number}.get(
        each.name, lambda value: value
    )
    return FACT_TITLES.get(each.name, each.name), ComparedValue(each.name, shown(each.a), shown(each.b))


class VersionCompare(ModelPage):
    query_names = ("a", "b")

    def get(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        model = self.load_model(slug)
        a, b = self.version(request.GET.get("a")), self.version(request.GET.get("b"))
        try:
            comparison = registry.compare(a, b)
        except MlwebError as error:
            raise Http404(error.message) from None
        numbers = model.versions.order_by("-number").values_list("number", flat=True)[:100]
        context = {
            "model": model,
            "a": a,
            "b": b,
            "found": comparison,
            "metrics": [(metric_of(each.name), each) for each in comparison.metrics],
            "facts": [fact(each) for each in comparison.facts],
            "dataset": [fact(each) for each in comparison.dataset],
            "numbers": sorted({*numbers, a.number, b.number}, reverse=True),
            "params": [
                ComparedValue(name, dict(flat(a.params)).get(name), dict(flat(b.params)).get(name))
                for name in dict.fromkeys([name for version in (a, b) for name, _ in flat(version.params)])
            ],
            "different_features": [each for each in comparison.features if not each.is_same],
            "n_same_features": sum(each.is_same for each in comparison.features),
        }
        return render(request, "predictor/evaluation/version_compare.html", context)
