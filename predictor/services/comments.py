"""Comments on models, versions and training runs: plain text, changed by who wrote it, deleted also by admins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from ..errors import Conflict, Forbidden, InvalidInput
from ..models import (
    Comment,
    Membership,
    ModelVersion,
    NoticeKind,
    RegisteredModel,
    TrainingRun,
    User,
    WorkspaceRole,
)
from ..models.comment import MAX_COMMENT
from . import notices

if TYPE_CHECKING:
    from ..models.comment import CommentQuerySet

Target = RegisteredModel | ModelVersion | TrainingRun
FIELDS: dict[type[Any], str] = {
    RegisteredModel: "registered_model",
    ModelVersion: "model_version",
    TrainingRun: "training_run",
}
# Of one model, version or run; a page shows the newest SHOWN.
MAX_COMMENTS = 1_000
SHOWN = 100
# So many people at most are told of one comment.
MAX_TOLD = 50


def of(target: Target) -> CommentQuerySet:
    """The comments on a row, the oldest first."""
    return Comment.objects.filter(**{FIELDS[type(target)]: target}).select_related("created_by")


@transaction.atomic
def add(*, target: Target, text: str, by: User) -> Comment:
    """Add a comment and tell those who take part. Raises InvalidInput, Conflict."""
    cleaned = clean_text(text)
    if of(target).count() >= MAX_COMMENTS:
        raise Conflict(f"There are {MAX_COMMENTS:,} comments here, the most that one page may have.")
    workspace_id = workspace_id_of(target)
    field = FIELDS[type(target)]
    comment = Comment.objects.create(
        workspace_id=workspace_id, created_by=by, text=cleaned, **{field: target}
    )
    for person in _taking_part(target, workspace_id, by):
        notices.add(
            user=person,
            kind=NoticeKind.COMMENT,
            workspace_id=workspace_id,
            subject=subject_of(target),
            detail=f"{by}: {cleaned}",
            **{field: target},
        )
    return comment


def edit(*, comment: Comment, text: str, by: User) -> Comment:
    """Change one's own comment. Raises Forbidden, InvalidInput."""
    if comment.created_by_id != by.pk:
        raise Forbidden("Only the person who wrote a comment can change it.")
    comment.text, comment.edited_at = clean_text(text), timezone.now()
    comment.save(update_fields=["text", "edited_at"])
    return comment


def delete(*, comment: Comment, by: User) -> None:
    """Delete one's own comment, or any as an admin of the workspace. Raises Forbidden."""
    if not may_delete(comment, Membership.objects.filter(workspace=comment.workspace_id, user=by).first()):
        raise Forbidden("A comment is deleted by the person who wrote it, or by an admin.")
    comment.delete()


def may_delete(comment: Comment, membership: Membership | None) -> bool:
    if membership is None:
        return False
    return comment.created_by_id == membership.user_id or membership.can(WorkspaceRole.ADMIN)


def clean_text(text: str) -> str:
    """The text as it is stored. Raises InvalidInput."""
    cleaned = text.replace("\0", "").replace("\r\n", "\n").strip()
    if not cleaned or len(cleaned) > MAX_COMMENT:
        raise InvalidInput(f"A comment has 1 to {MAX_COMMENT:,} characters.", field="text")
    return cleaned


def subject_of(target: Target) -> str:
    """What notices call a row."""
    if isinstance(target, RegisteredModel):
        return target.name
    if isinstance(target, ModelVersion):
        return f"{target.registered_model.name} {target.number}"
    return f"{target.registered_model.name}: {target.subject}"


def workspace_id_of(target: Target) -> int:
    return target.registered_model.workspace_id if isinstance(target, ModelVersion) else target.workspace_id


def _taking_part(target: Target, workspace_id: int, by: User) -> list[User]:
    """Members who made the row or have commented on it, without the one who comments now."""
    authors = of(target).order_by().values("created_by")
    people = User.objects.filter(memberships__workspace=workspace_id, is_active=True).exclude(pk=by.pk)
    return list(
        (people.filter(pk__in=authors) | people.filter(pk=target.created_by_id)).distinct()[:MAX_TOLD]
    )
