"""What the pages of a version have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ...i18n.translation import translated
from ...ml.types.schema import FeatureField, Task
from ...ml.types.warnings import WarningKind
from ...models import ModelVersion
from ...templatetags.mlweb import counted
from ..pages.metric_words import metric_of
from ..pages.value_texts import range_words
from .anomaly_page import AnomalyPage
from .clustering_page import ClusteringPage

OLD_LEAK = "possible leak"
# The report of a version without a target; each task has a template of its own.
PAGES = {Task.CLUSTERING.value: ClusteringPage, Task.ANOMALY.value: AnomalyPage}


def lead_of(version: ModelVersion) -> SafeString:
    """What the version predicts, from how many columns, and what was fitted."""
    signature = version.signature
    subject = (
        format_html('<strong class="wrap">{}</strong>', signature.target)
        if signature.target
        else capfirst(translated(signature.subject))
    )
    # The texts hold placeholders of `format_html`, which escapes what they become.
    sentence = (
        _("Predicts %(subject)s from %(columns)s: %(estimator)s.")
        if signature.target
        else _("%(subject)s from %(columns)s: %(estimator)s.")
    )
    return format_html(
        sentence % {"subject": "{subject}", "columns": "{columns}", "estimator": "{estimator}"},
        subject=subject,
        columns=counted(len(signature.fields), "column"),
        estimator=translated(version.estimator),
    )


def task_words(version: ModelVersion) -> str:
    """The task, with the number of its classes or clusters."""
    signature = version.signature
    if not signature.classes:
        return str(translated(signature.task.label))
    noun = "cluster" if version.task == Task.CLUSTERING else "class,classes"
    return f"{translated(signature.task.label)}, {counted(len(signature.classes), noun)}"


def score_title(candidates: Sequence[Mapping[str, Any]], version: ModelVersion) -> str:
    """The heading above the candidates' scores; models with a target are compared by cross-validation."""
    metric = candidates[0]["metric"] if candidates else None
    title = metric.title if metric else _("Score")
    return title if version.task in PAGES else _("%(title)s, by CV") % {"title": title}


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
    levels = ", ".join(field.levels[:5])
    if n_levels > 5:
        levels = _("%(levels)s and %(n)s more") % {"levels": levels, "n": n_levels - 5}
    return {
        "field": field,
        "range": levels or " ".join(range_words(field)),
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
