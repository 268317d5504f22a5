"""The first steps on the overview: upload, train, read, predict, token; each says whether it was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists
from django.urls import reverse
from django.utils.translation import gettext as _

from ...models import ApiToken, Membership, Notice, NoticeKind, User, WorkspaceRole


@dataclass(frozen=True)
class Step:
    title: str
    text: str
    url: str
    is_done: bool
    is_next: bool = False


def steps_of(membership: Membership, overview: Mapping[str, Any]) -> list[Step]:
    """The steps in their order; none when all are done, or for a person who may only read and predict."""
    if not membership.can(WorkspaceRole.MEMBER):
        return []
    slug = membership.workspace.slug
    has_token, has_read = _own(membership)
    has_predicted = overview["n_predictions"] > 0
    champion = next((row for row in overview["champions"]), None)
    dataset = overview["latest_dataset"]
    version = reverse("model-list", args=[slug])
    predict = version
    if champion:
        version = reverse("version-detail", args=[slug, champion.model.slug, champion.champion.number])
        predict = reverse("predict", args=[slug, champion.model.slug])
    steps = [
        Step(
            _("Upload"),
            _("Types, missing values and oddities are found and shown."),
            reverse("dataset-upload", args=[slug]),
            overview["n_datasets"] > 0,
        ),
        Step(
            _("Train"),
            _("Choose the target. Auto tries several estimators and keeps the best."),
            reverse("training-run-create", args=[slug, dataset.pk])
            if dataset
            else reverse("dataset-list", args=[slug]),
            overview["n_models"] > 0 or overview["n_runs"] > 0,
        ),
        Step(
            _("Read the report"),
            _("See how good it is on rows that it has never seen."),
            version,
            overview["n_models"] > 0 and (has_read or has_predicted),
        ),
        Step(
            _("Predict"),
            _("By form, by file or by the API. Every answer is in the log."),
            predict,
            has_predicted,
        ),
        Step(_("Create a token"), _("Programs call the model with it."), reverse("token-create"), has_token),
    ]
    left = [step for step in steps if not step.is_done]
    return [
        Step(step.title, step.text, step.url, step.is_done, bool(left) and step is left[0]) for step in steps
    ] if left else []  # fmt: skip


def _own(membership: Membership) -> tuple[bool, bool]:
    """Whether the person has a token for the workspace, and has read the notice of a run, in one query."""
    of_person = {"workspace": membership.workspace_id, "user": membership.user_id}
    row = (
        User.objects.filter(pk=membership.user_id)
        .annotate(
            has_token=Exists(ApiToken.objects.filter(**of_person, revoked_at=None)),
            has_read=Exists(Notice.objects.filter(**of_person, kind=NoticeKind.RUN, read_at__isnull=False)),
        )
        .values_list("has_token", "has_read")
        .get()
    )
    return row[0], row[1]
