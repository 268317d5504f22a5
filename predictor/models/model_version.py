from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from ..ml.types.left_out import completed
from ..ml.types.schema import Signature
from .dataset import Dataset
from .labels import note_field, read_tags, tags_field
from .registered_model import RegisteredModel
from .training_run import TrainingRun
from .workspace import Workspace

if TYPE_CHECKING:
    from .user import User

CHAMPION = "champion"
PART = "report_part_"


class ModelVersionQuerySet(models.QuerySet["ModelVersion"]):
    def visible_to(self, user: User) -> ModelVersionQuerySet:
        return self.filter(registered_model__workspace__in=Workspace.objects.visible_to(user))

    def for_serving(self) -> ModelVersionQuerySet:
        """Load only the columns that locate the files; reports and signatures can take a megabyte."""
        return self.only("number", "registered_model_id", "artifacts", "archived_at", "is_compiled")

    def with_report_parts(self, *names: str) -> ModelVersionQuerySet:
        """Load only these parts of the evaluation reports, for `ModelVersion.part`."""
        return self.defer("evaluation").annotate(
            **{f"{PART}{name}": models.F(f"evaluation__{name}") for name in names}
        )

    def servable(self) -> ModelVersionQuerySet:
        return self.filter(archived_at=None)


class ModelVersion(models.Model):
    """A numbered result of a training run, or of given coefficients. Immutable but for archiving, note and tags."""

    registered_model = models.ForeignKey(RegisteredModel, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    training_run = models.OneToOneField(
        TrainingRun, models.PROTECT, null=True, blank=True, related_name="model_version"
    )
    dataset = models.ForeignKey(Dataset, models.PROTECT, null=True, blank=True, related_name="model_versions")
    dataset_sha256 = models.CharField(max_length=64, blank=True)
    task = models.CharField(max_length=20)
    estimator = models.CharField(max_length=120, help_text="What was fitted, in words.")
    params = models.JSONField(default=dict)
    signature_json = models.JSONField(help_text="A Signature: the fields that callers send, and the classes.")
    threshold = models.FloatField(
        null=True,
        blank=True,
        help_text="From this probability the positive class is predicted; empty: the more probable class.",
    )
    made_from = models.ForeignKey(
        "self",
        models.RESTRICT,
        null=True,
        blank=True,
        related_name="variants",
        help_text="The trained version whose estimators this one shares; it differs in the threshold.",
    )
    artifacts = models.JSONField(
        help_text="{file name: {digest, n_bytes}}: spec.json, model.onnx, model.skops, …"
    )
    n_bytes = models.BigIntegerField(default=0, help_text="All artifacts together.")
    metrics = models.JSONField(default=dict)
    evaluation = models.JSONField(default=dict, help_text="The evaluation report.")
    warnings = models.JSONField(default=list)
    parity = models.JSONField(default=dict, help_text="How scikit-learn and ONNX Runtime compare.")
    is_compiled = models.BooleanField(help_text="Served by ONNX Runtime; else in-process by scikit-learn.")
    libraries = models.JSONField(default=dict, help_text="{library: version} at training.")
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    note = note_field()
    tags = tags_field()

    objects = ModelVersionQuerySet.as_manager()

    class Meta:
        ordering = ["registered_model_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["registered_model", "number"], name="model_version_number_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="model_version_number_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.registered_model} version {self.number}"

    @cached_property
    def signature(self) -> Signature:
        return Signature.from_json(self.signature_json)

    @cached_property
    def content_key(self) -> str:
        """Cache key of the version and its files. Equal files are not enough: the class labels are in the row."""
        digests = {name: entry["digest"] for name, entry in self.artifacts.items()}
        return hashlib.sha256(json.dumps([self.pk, digests], sort_keys=True).encode()).hexdigest()

    @property
    def trained(self) -> ModelVersion:
        """The version with the training run: this one, or the one whose estimators it shares."""
        return self.made_from or self

    @cached_property
    def report(self) -> dict[str, Any]:
        """The evaluation report, with the parts that were computed after the version was published."""
        report = self.evaluation if isinstance(self.evaluation, dict) else {}
        completion = getattr(self.trained, "completion", None) if report else None
        if completion is None or not completion.supplement:
            return report
        is_own = self.made_from_id is None
        return completed(report, completion.supplement, completion.computed, at_own_threshold=is_own)

    def part(self, name: str) -> Any:
        """A part of the evaluation report as it was published; None if it has none. See `with_report_parts`."""
        alone = f"{PART}{name}"
        if alone in self.__dict__:
            return self.__dict__[alone]
        return self.evaluation.get(name) if isinstance(self.evaluation, dict) else None

    @property
    def tag_list(self) -> list[str]:
        return read_tags(self.tags)

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None


class ModelAliasQuerySet(models.QuerySet["ModelAlias"]):
    def visible_to(self, user: User) -> ModelAliasQuerySet:
        return self.filter(registered_model__workspace__in=Workspace.objects.visible_to(user))


class ModelAlias(models.Model):
    """A name for one version of a model. `champion` serves when a request names no version."""

    registered_model = models.ForeignKey(RegisteredModel, models.CASCADE, related_name="aliases")
    alias = models.SlugField(max_length=40)
    model_version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="aliases")
    updated_at = models.DateTimeField(auto_now=True)

    objects = ModelAliasQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "model aliases"
        ordering = ["registered_model_id", "alias"]
        constraints = [
            models.UniqueConstraint(fields=["registered_model", "alias"], name="model_alias_once_per_model"),
        ]

    def __str__(self) -> str:
        return f"{self.alias}: {self.model_version}"


class AliasChangeQuerySet(models.QuerySet["AliasChange"]):
    def visible_to(self, user: User) -> AliasChangeQuerySet:
        return self.filter(registered_model__workspace__in=Workspace.objects.visible_to(user))


class AliasChange(models.Model):
    """The history of aliases: who pointed one at which version, and when. Rolling back reads it."""

    registered_model = models.ForeignKey(RegisteredModel, models.CASCADE, related_name="alias_changes")
    alias = models.SlugField(max_length=40)
    previous_version = models.ForeignKey(ModelVersion, models.CASCADE, null=True, related_name="+")
    model_version = models.ForeignKey(ModelVersion, models.CASCADE, null=True, related_name="+")
    is_roll_back = models.BooleanField(default=False)
    changed_at = models.DateTimeField(auto_now_add=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    objects = AliasChangeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["registered_model", "alias", "-id"], name="alias_change_by_alias")]

    def __str__(self) -> str:
        return f"{self.alias}, change {self.pk}"
