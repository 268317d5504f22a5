"""Model registry: registered models, numbered versions, and aliases that say which version serves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from ...errors import Conflict, InvalidInput, NotFound, quoted, quoted_list
from ...ml.types.schema import Scalar
from ...ml.types.threshold_rule import ThresholdRule
from ...models import CHAMPION, ModelVersion, RegisteredModel
from ...models.labels import stored_tags
from .. import labels
from ..process import short_cache
from ..process.short_cache import ShortCache
from .aliases import history, locked_model, point, remove_alias, roll_back, roll_back_target, set_alias
from .comparison import Comparison, compare
from .onnx_files import OnnxFile, onnx_download

if TYPE_CHECKING:
    from ...models import TrainingRun, User, Workspace
    from ...models.model_version import ModelVersionQuerySet

__all__ = [
    "Comparison",
    "OnnxFile",
    "archive",
    "compare",
    "get_or_create_model",
    "history",
    "model_of",
    "onnx_download",
    "publish",
    "publish_with_threshold",
    "register_linear",
    "remove_alias",
    "roll_back",
    "roll_back_target",
    "serving_version",
    "set_alias",
    "unarchive",
    "update_model",
    "version_of",
]

MAX_NAME = 120
MAX_DESCRIPTION = 10_000

_models: ShortCache[tuple[int, str], RegisteredModel] = ShortCache()
_versions: ShortCache[tuple[int, str], ModelVersion] = ShortCache()


def get_or_create_model(*, workspace: Workspace, name_or_slug: str, by: User | None) -> RegisteredModel:
    """The workspace's registered model of this slug or name, created if missing. Raises InvalidInput, Conflict."""
    name = " ".join(name_or_slug.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidInput(
            f"A registered model needs a name of 1 to {MAX_NAME} printable characters; "
            f"got {quoted(name_or_slug)}.",
            field="registered_model",
        )
    models = RegisteredModel.objects.filter(workspace=workspace)
    existing = models.filter(slug=name.lower()).first() or models.filter(name=name).first()
    return existing or _create_model(workspace, name, by)


def _create_model(workspace: Workspace, name: str, by: User | None) -> RegisteredModel:
    for slug in _slugs(name):
        try:
            with transaction.atomic():
                return RegisteredModel.objects.create(
                    workspace=workspace, slug=slug, name=name, created_by=by
                )
        except IntegrityError:
            existing = RegisteredModel.objects.filter(workspace=workspace, slug=slug).first()
            # "Churn!" and "churn" have the same slug, so they are one model. A name without any letter for a
            # slug (客户流失) gets a numbered slug of its own.
            if existing is not None and (slugify(name) or existing.name == name):
                return existing
    raise Conflict(
        f"No free address was found for a model named {quoted(name)}; give it another name.",
        field="registered_model",
    )


def _slugs(name: str) -> Iterator[str]:
    # Keep word boundaries: “churn.train” becomes churn-train, not churntrain.
    slug = slugify(re.sub(r"[./:+,;]+", " ", name))[:60].strip("-_")
    if slug:
        yield slug
        return
    yield from (f"model-{number}" for number in range(1, 1_000))


def update_model(
    *,
    registered_model: RegisteredModel,
    name: str | None = None,
    description: str | None = None,
    tags: Iterable[str] | None = None,
    by: User,
) -> RegisteredModel:
    """Change name, description and tags; the slug, which clients use, stays. Raises InvalidInput."""
    if name is not None:
        name = " ".join(name.split())
        if not name or len(name) > MAX_NAME or not name.isprintable():
            raise InvalidInput(f"A name has 1 to {MAX_NAME} printable characters.")
        registered_model.name = name
    if description is not None:
        if len(description) > MAX_DESCRIPTION:
            raise InvalidInput(f"A description has at most {MAX_DESCRIPTION:,} characters.")
        registered_model.description = description.replace("\0", "")
    if tags is not None:
        registered_model.tags = stored_tags(labels.clean_tags(tags))
    registered_model.save(update_fields=["name", "description", "tags"])
    short_cache.clear_after_commit()
    return registered_model


def publish(
    *,
    run: TrainingRun,
    result: Mapping[str, Any],
    artifacts: Mapping[str, Mapping[str, Any]],
    by: User | None,
) -> ModelVersion:
    """Add the next version of the run's registered model; the first version becomes champion.

    `result` is the content of result.json (see `ml/training/train.py`), `artifacts` names its stored files:
    {file name: {"digest", "n_bytes"}}. Joins the caller's transaction, so run and version succeed together.
    """
    report = result.get("report") or {}
    return _add_version(
        run.registered_model,
        by=by,
        artifacts=artifacts,
        training_run=run,
        dataset=run.dataset,
        dataset_sha256=run.dataset.sha256,
        task=result["task"],
        estimator=result.get("title") or result["estimator"],
        params=result.get("params") or {},
        signature_json=result["signature"],
        threshold=_chosen_threshold(report),
        metrics={**(result.get("metrics") or {})},
        evaluation={**report, "baseline": result.get("baseline") or report.get("baseline") or {}},
        warnings=result.get("warnings") or [],
        parity=result.get("parity") or {},
        is_compiled=result["is_compiled"],
        libraries=result.get("libraries") or {},
    )


def _chosen_threshold(report: Mapping[str, Any]) -> float | None:
    decision = report.get("decision") or {}
    return float(decision["threshold"]) if decision.get("is_chosen") else None


def publish_with_threshold(
    *,
    model_version: ModelVersion,
    rule: ThresholdRule | Mapping[str, Any],
    positive_class: Scalar = None,
    by: User | None,
) -> ModelVersion:
    """Add a version with the same estimators, evaluated and served with another decision threshold.

    `positive_class`: the class that the threshold is of; None keeps that of the version.
    The threshold is chosen on the out-of-fold predictions; nothing is fitted again. Raises InvalidThreshold, and
    Conflict for a version stored without out-of-fold predictions.
    """
    from .. import artifacts
    from . import version_thresholds

    threshold_rule = rule if isinstance(rule, ThresholdRule) else ThresholdRule.from_json(rule)
    with artifacts.keeping():
        built = version_thresholds.build(model_version, threshold_rule, positive_class)
        return _add_version(model_version.registered_model, by=by, artifacts=built.artifacts, **built.fields)


def _add_version(
    registered_model: RegisteredModel,
    *,
    by: User | None,
    artifacts: Mapping[str, Mapping[str, Any]],
    **fields: Any,
) -> ModelVersion:
    with transaction.atomic():
        locked = locked_model(registered_model)
        locked.last_version_number += 1
        locked.save(update_fields=["last_version_number"])
        registered_model.last_version_number = locked.last_version_number
        version = ModelVersion.objects.create(
            registered_model=locked,
            number=locked.last_version_number,
            artifacts={name: dict(entry) for name, entry in artifacts.items()},
            n_bytes=sum(int(entry["n_bytes"]) for entry in artifacts.values()),
            created_by=by,
            **fields,
        )
        if not locked.versions.exclude(pk=version.pk).exists():
            point(locked, CHAMPION, version, by)
    return version


def version_of(
    registered_model: RegisteredModel,
    which: int | str | None = None,
    *,
    among: ModelVersionQuerySet | None = None,
) -> ModelVersion:
    """The version of this number or alias; the champion by default. Raises NotFound."""
    if which is None or which == "":
        which = CHAMPION
    versions = ModelVersion.objects.all() if among is None else among
    # isdecimal() alone accepts "７" and "٣"; and an integer beyond 64 bits is an error in SQLite.
    is_number = isinstance(which, int) or (which.isascii() and which.isdecimal() and len(which) < 10)
    if is_number and not isinstance(which, bool) and 0 <= int(which) < 2**31:
        version = versions.filter(registered_model=registered_model, number=int(which)).first()
    elif isinstance(which, str) and "\0" not in which:
        version = versions.filter(aliases__registered_model=registered_model, aliases__alias=which).first()
    else:
        version = None
    if version is None:
        kind = "version" if is_number else "alias"
        raise NotFound(f"{registered_model.name} has no {kind} {quoted(which)}.")
    version.registered_model = registered_model
    return version


def model_of(workspace: Workspace, slug: str) -> RegisteredModel:
    """The workspace's registered model of this slug, cached for a second. Raises NotFound."""

    def read() -> RegisteredModel:
        registered_model = RegisteredModel.objects.filter(workspace=workspace, slug=slug).first()
        if registered_model is None:
            raise NotFound(f"There is no model {quoted(slug)}.")
        registered_model.workspace = workspace
        return registered_model

    return _models.get((workspace.pk, slug), read)


def serving_version(registered_model: RegisteredModel, which: int | str | None = None) -> ModelVersion:
    """As `version_of`, with the columns that serving needs; cached for a second. Raises NotFound."""
    if isinstance(which, bool):
        return version_of(registered_model, which)
    name = CHAMPION if which is None or which == "" else str(which)
    return _versions.get(
        (registered_model.pk, name),
        lambda: version_of(registered_model, which, among=ModelVersion.objects.for_serving()),
    )


def archive(*, model_version: ModelVersion, by: User) -> ModelVersion:
    """Take a version out of service; it stays readable. Raises Conflict while an alias points at it."""
    with transaction.atomic():
        locked_model(model_version.registered_model)
        aliases = list(model_version.aliases.values_list("alias", flat=True))
        if aliases:
            raise Conflict(
                f"Version {model_version.number} is served as {quoted_list(aliases)}; "
                "point that alias at another version first."
            )
        if model_version.archived_at is None:
            model_version.archived_at = timezone.now()
            model_version.save(update_fields=["archived_at"])
            short_cache.clear_after_commit()
    return model_version


def unarchive(*, model_version: ModelVersion, by: User) -> ModelVersion:
    """Let an archived version serve again."""
    model_version.archived_at = None
    model_version.save(update_fields=["archived_at"])
    short_cache.clear_after_commit()
    return model_version


def register_linear(
    *,
    workspace: Workspace,
    name: str,
    coefficients: Sequence[float],
    intercept: float,
    feature_names: Sequence[str] | None = None,
    by: User | None,
) -> ModelVersion:
    """Add a version of the model intercept + Σ coefficient · feature. Features are x1, x2, … unless named.

    Raises InvalidInput.
    """
    from . import linear_models

    built = linear_models.build(coefficients, intercept, feature_names)
    with transaction.atomic():
        registered_model = get_or_create_model(workspace=workspace, name_or_slug=name, by=by)
        return _add_version(registered_model, by=by, artifacts=built.artifacts, **built.fields)
