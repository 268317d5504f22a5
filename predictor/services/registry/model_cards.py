"""Model card of a version: use, data, tests, metrics, limits and technique, on one page.

Source: Mitchell et al., "Model cards for model reporting", 2019. The card is built from data stored with the
version; `card_markdown.py` writes it as text, the page shows the same parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidTrainingRequest, quoted
from ...ml.types.forecast_facts import forecast_sentences
from ...ml.types.monotone import monotone_sentences
from ...ml.types.run_options.row_weighting import weighting_sentences
from ...ml.types.schema import FeatureField, canonical_text
from ...ml.types.split import SplitBy
from ...models import ModelVersion
from . import version_facts
from .absent_parts import PartState, absent_parts, completion_of, computed_on

MAX_LEVELS = 5
MAX_IMPORTANT = 10
NOBODY_SAID = "Nobody has described yet what this model is for, and what it is not for."


@dataclass(frozen=True)
class CardTable:
    """A header and rows of text; the first column names the row."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class CardPart:
    """A heading with sentences, facts, points and a table, each of which may be empty. All of it is plain text."""

    title: str
    sentences: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    points: tuple[str, ...] = ()
    table: CardTable | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.sentences or self.facts or self.points or self.table)


@dataclass(frozen=True)
class Card:
    title: str
    lead: str
    parts: tuple[CardPart, ...]


def card_of(version: ModelVersion) -> Card:
    """The model card of a version. Load its registered model, dataset, run and aliases before, to save queries."""
    report: Mapping[str, Any] = version.report
    model, signature = version.registered_model, version.signature
    parts = (
        CardPart("Intended use", tuple(model.description.splitlines()) or (NOBODY_SAID,)),
        _facts(version),
        _data(version),
        _features(version, report),
        _tested(report),
        _metrics(report),
        _weak_spots(report),
        _sureness(report),
        _explanation(version, report),
        _left_out(version),
        CardPart("Limits and warnings", points=tuple(_limits(version, report))),
        _technique(version),
    )
    n_columns = len(signature.fields)
    columns = f"{n_columns:,} column{'' if n_columns == 1 else 's'}"
    return Card(
        title=f"{model.name}, version {version.number}",
        lead=f"Predicts {signature.subject} from {columns}: {version.estimator}.",
        parts=tuple(part for part in parts if not part.is_empty),
    )


def _facts(version: ModelVersion) -> CardPart:
    signature = version.signature
    classes = ", ".join(signature.class_names)
    aliases = ", ".join(sorted(each.alias for each in version.aliases.all()))
    return CardPart(
        "The version",
        facts=_kept(
            ("Target", signature.target),
            ("Task", version.task),
            ("Classes", classes),
            ("Fitted", version.estimator),
            ("Made", f"{version.created_at:%Y-%m-%d %H:%M} UTC"),
            ("By", version.created_by.email if version.created_by else ""),
            ("Serves as", aliases or "no alias"),
            ("Archived", f"{version.archived_at:%Y-%m-%d %H:%M} UTC" if version.archived_at else ""),
        ),
    )


def _data(version: ModelVersion) -> CardPart:
    dataset, run = version.dataset, version.training_run
    if dataset is None:
        return CardPart("Data", ("It was made from given coefficients, not from data.",))
    return CardPart(
        "Data",
        facts=_kept(
            ("Dataset", dataset.name),
            ("Rows and columns", f"{dataset.n_rows:,} × {dataset.n_columns:,}"),
            ("Uploaded", f"{dataset.created_at:%Y-%m-%d %H:%M} UTC"),
            ("SHA-256 of the file", version.dataset_sha256),
            ("Seed of the training", str(run.seed) if run else ""),
            ("Budget of the training", f"{run.budget_seconds:g} s" if run else ""),
        ),
    )


def _features(version: ModelVersion, report: Mapping[str, Any]) -> CardPart:
    important = {each["column"]: each["mean"] for each in report.get("importance") or []}
    rows = tuple(
        (
            field.name,
            _kind(field),
            _seen(field),
            "sometimes" if field.has_missing else "never",
            _number(important.get(field.name)),
        )
        for field in version.signature.fields
    )
    directions = tuple(monotone_sentences(report, version.signature.positive_name))
    known = tuple(forecast_sentences(report))
    left_out = tuple(f"{name} is not used: {why}." for name, why in version.signature.left_out.items())
    header = ("Column", "Kind", "In training", "Missing", "Importance")
    table = CardTable(header, rows) if rows else None
    return CardPart("Features", points=directions + known + left_out, table=table)


def _kind(field: FeatureField) -> str:
    """The role, and how texts of the column become values."""
    return f"{field.role.value}, read as {field.reading.words}" if field.reading else field.role.value


def _seen(field: FeatureField) -> str:
    if field.levels:
        n_more = len(field.levels) - MAX_LEVELS
        return ", ".join(field.levels[:MAX_LEVELS]) + (f" and {n_more:,} more" if n_more > 0 else "")
    if field.minimum is None:
        return ""
    return f"{_text(field.minimum)} to {_text(field.maximum)}"


def _tested(report: Mapping[str, Any]) -> CardPart:
    if not report.get("n_rows"):
        return CardPart("How it was tested")
    validated, conditions = report.get("cross_validation") or {}, report.get("conditions") or {}
    copies = (conditions.get("duplicates") or {}).get("n_copies")
    return CardPart(
        "How it was tested",
        sentences=tuple(
            filter(None, [(report.get("verdict") or {}).get("sentence"), *weighting_sentences(report)])
        ),
        facts=_kept(
            ("Held-out test rows", f"{report['n_rows']:,}"),
            ("Chosen", _split_words(conditions)),
            ("Cross-validation", f"{validated['n_folds']} folds" if validated.get("n_folds") else ""),
            ("Copies of other rows", f"{copies:,}" if copies else ""),
            ("Candidates were compared by", str(report.get("metric") or "")),
        ),
        points=tuple(report.get("baseline_notes") or ()),
    )


def _split_words(conditions: Mapping[str, Any]) -> str:
    split = conditions.get("split")
    try:
        return SplitBy.from_json(split).words if split else ""
    except InvalidTrainingRequest:
        return ""


def _metrics(report: Mapping[str, Any]) -> CardPart:
    held_out, reach = report.get("held_out") or {}, report.get("intervals") or {}
    validated = (report.get("cross_validation") or {}).get("metrics") or {}
    baselines = report.get("baselines") or []
    if not held_out:
        return CardPart("Metrics")
    header = ("Metric", "On the test rows", "95 % interval", "Cross-validated")
    titles = tuple(str(each.get("title") or each.get("key")) for each in baselines)
    rows = tuple(
        (
            name,
            _number(value),
            " to ".join(map(_number, reach[name])) if reach.get(name) else "",
            _number(validated.get(name)),
            *(_number((each.get("held_out") or {}).get(name)) for each in baselines),
        )
        for name, value in held_out.items()
    )
    notes = ("The last columns are baselines: what simpler models score on the same rows.",) if titles else ()
    return CardPart("Metrics", sentences=notes, table=CardTable((*header, *titles), rows))


def _weak_spots(report: Mapping[str, Any]) -> CardPart:
    slices, n_tested = report.get("slices") or [], report.get("n_slices_tested")
    if not n_tested:
        return CardPart("Where it errs most")
    summary = (
        f"Of {n_tested:,} parts of the test rows, {len(slices) or 'none'} had a significantly larger error."
    )
    rows = tuple(
        (str(each["words"]), f"{each['n_rows']:,}", _number(each["score"]), _number(each["score_elsewhere"]))
        for each in slices
    )
    table = CardTable(("Where", "Rows", "Error there", "Elsewhere"), rows) if rows else None
    return CardPart("Where it errs most", sentences=(summary,), table=table)


def _sureness(report: Mapping[str, Any]) -> CardPart:
    decision, calibration = report.get("decision") or {}, report.get("calibration") or {}
    both = {} if calibration.get("kind") == "none" else calibration.get("held_out") or {}
    positive = decision.get("positive")
    of_class = f"Precision, recall and F1 are of the positive class {quoted(positive)}." if positive else ""
    sentences = tuple(filter(None, [decision.get("sentence"), decision.get("warning"), of_class]))
    if both:
        sentences += (
            f"The probabilities are calibrated; that took the loss on the test rows from {_number(both.get('before'))} "
            f"to {_number(both.get('after'))}.",
        )
    rows = tuple(
        (
            f"{each['coverage']:.0%}",
            f"{each['covered']:.1%}",
            _number(each.get("mean_width", each.get("mean_size"))),
        )
        for each in report.get("coverage") or []
    )
    size = "Mean size of a set" if report.get("classes") else "Mean width"
    table = CardTable(("Requested coverage", "Coverage on the test rows", size), rows) if rows else None
    return CardPart("Confidence", sentences=sentences, table=table)


def _explanation(version: ModelVersion, report: Mapping[str, Any]) -> CardPart:
    important = [each for each in report.get("importance") or [] if each.get("mean") is not None]
    curves = [str(each["column"]) for each in (report.get("dependence") or {}).get("features") or []]
    can = {
        "Each prediction can be explained by Shapley values: what each column adds to the mean answer.":
            "background.json" in version.artifacts,
        f"{len(curves):,} of its columns have a partial dependence curve.": bool(curves),
        "For each row, the nearest training rows and counterfactuals are available.":
            version_facts.has_examples(version),
    }  # fmt: skip
    rows = tuple(
        (str(each["column"]), _number(each["mean"]), _number(each.get("spread")))
        for each in important[:MAX_IMPORTANT]
    )
    is_shapley = report.get("importance_kind") == "shapley"
    measure = "Mean absolute Shapley value" if is_shapley else "Increase of the loss when shuffled"
    table = CardTable(("Column", measure, "Spread"), rows) if rows else None
    return CardPart("Explanation", points=tuple(text for text, is_so in can.items() if is_so), table=table)


def _left_out(version: ModelVersion) -> CardPart:
    """The parts that the training run left out, with what becomes of each."""
    parts = absent_parts(version)
    later = [each.title for each in parts if each.state is PartState.COMPUTED]
    sentences: tuple[str, ...] = ()
    if later:
        when = computed_on(parts, completion_of(version))
        sentences = (f"Computed after the training, on {when}: {'; '.join(later)}.",)
    points = (
        f"{each.title}: {each.left_out}. {each.sentence}"
        for each in parts
        if each.state is not PartState.COMPUTED
    )
    return CardPart("Left out for lack of time", sentences=sentences, points=tuple(points))


def _limits(version: ModelVersion, report: Mapping[str, Any]) -> Iterable[str]:
    yield from map(str, (report.get("verdict") or {}).get("worries") or [])
    for each in version.warnings or []:
        yield str(each.get("message", each) if isinstance(each, Mapping) else each)
    if version.dataset is not None:
        yield (
            "The model knows only its training rows. Values far outside their range, unknown categories and missing "
            "values get a prediction with a warning. A change of the data since the training is not detected."
        )
        yield "Importances and curves show associations that the model uses. They are not evidence of causes."


def _technique(version: ModelVersion) -> CardPart:
    parity = version.parity or {}
    difference = parity.get("max_abs_difference")
    served = "ONNX Runtime answers" if version.is_compiled else "scikit-learn itself answers, in the process"
    compared = (
        f"; it differs from scikit-learn by at most {float(difference):.1g} on {parity.get('n_rows') or 0:,} rows"
        if version.is_compiled and difference is not None
        else ""
    )
    rows = tuple(
        (str(name), f"{int(entry['n_bytes']):,}", str(entry["digest"]))
        for name, entry in version.artifacts.items()
    )
    return CardPart(
        "Technique",
        sentences=(f"{served}{compared}.",),
        facts=tuple((str(name), str(number)) for name, number in version.libraries.items()),
        table=CardTable(("File", "Bytes", "SHA-256"), rows) if rows else None,
    )


def _kept(*facts: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in facts if value)


def _text(value: Any) -> str:
    return _number(value) if isinstance(value, float) else str(canonical_text(value) or "")


def _number(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int) or abs(value) >= 1e4:
        return f"{value:,.0f}"
    return f"{value:.4g}"
