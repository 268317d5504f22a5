"""Notices: what a person is told when their job has ended or somebody comments, on pages and by mail."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from ..models import (
    BatchPrediction,
    Completion,
    Job,
    JobStatus,
    Membership,
    Notice,
    NoticeKind,
    PersonalSettings,
    TrainingRun,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..models import User

logger = logging.getLogger(__name__)

# More are not kept for a person: programs that start batches would fill the table.
MAX_KEPT = 500
KEPT_DAYS = 90
MAX_COUNTED = 100
MAIL_SECONDS = 10
NO_MAIL = "django.core.mail.backends.console.EmailBackend"
MAIL_FIELDS = {
    NoticeKind.RUN: "mails_runs",
    NoticeKind.BATCH: "mails_batches",
    NoticeKind.COMPLETION: "mails_completions",
    NoticeKind.COMMENT: "mails_comments",
}
ENDS = (JobStatus.SUCCEEDED, JobStatus.FAILED)
# The sentence of a mail, which is its subject, too. One for each kind: other languages order the words in other ways.
SENTENCES = {
    (NoticeKind.RUN, JobStatus.SUCCEEDED): "The training run “{subject}” has finished.",
    (NoticeKind.RUN, JobStatus.FAILED): "The training run “{subject}” has failed.",
    (NoticeKind.BATCH, JobStatus.SUCCEEDED): "The batch “{subject}” has finished.",
    (NoticeKind.BATCH, JobStatus.FAILED): "The batch “{subject}” has failed.",
    (NoticeKind.COMPLETION, JobStatus.SUCCEEDED): "The report of “{subject}” is complete.",
    (NoticeKind.COMPLETION, JobStatus.FAILED): "The report of “{subject}” could not be completed.",
}
NEW_COMMENT = "“{subject}” has a new comment."


def job_ended(model: type[Job], pk: int) -> None:
    """Tell the person who started a job that it succeeded or failed. A fault here never fails the job."""
    try:
        with transaction.atomic():
            fields = _fields_of(model, pk)
            if fields is not None:
                add(**fields)
    except DatabaseError:
        logger.exception("The notice of %s %s could not be written.", model.__name__, pk)


def add(*, user: User, kind: NoticeKind, **fields: Any) -> Notice:
    """Write a notice, and send it by mail after the commit if the person asked for that."""
    fields["subject"] = fields["subject"][:200]
    fields["detail"] = " ".join(fields.get("detail", "").split())[:300]
    notice = Notice.objects.create(user=user, kind=kind, **fields)
    _forget_surplus(user)
    if can_mail() and PersonalSettings.objects.filter(user=user, **{MAIL_FIELDS[kind]: True}).exists():
        transaction.on_commit(lambda: _mail(notice), robust=True)
    return notice


def n_unread(user: User) -> int:
    """How many are unread, at most MAX_COUNTED."""
    return Notice.objects.visible_to(user).unread().order_by()[:MAX_COUNTED].count()


def mark_read(*, user: User, pks: Iterable[int] | None = None) -> int:
    """Mark the person's notices as read, all or those of these ids; returns how many."""
    rows = Notice.objects.filter(user=user).unread()
    if pks is not None:
        rows = rows.filter(pk__in=list(pks))
    return rows.update(read_at=timezone.now())


def forget_old() -> int:
    """Delete notices that are older than KEPT_DAYS; returns how many."""
    before = timezone.now() - timedelta(days=KEPT_DAYS)
    return Notice.objects.filter(created_at__lt=before).delete()[0]


def can_mail() -> bool:
    """Whether mails leave this server: the default backend only prints them."""
    return settings.EMAIL_BACKEND != NO_MAIL


def _fields_of(model: type[Job], pk: int) -> dict[str, Any] | None:
    rows: QuerySet[Any] = model._default_manager.all()
    rows = rows.select_related("created_by")
    if model is Completion:
        job: Any = rows.select_related("model_version__registered_model").filter(pk=pk).first()
    else:
        job = rows.select_related("registered_model").filter(pk=pk).first()
    if job is None or job.status not in ENDS or job.created_by is None:
        return None
    if not Membership.objects.filter(workspace_id=job.workspace_id, user=job.created_by).exists():
        return None
    common = {
        "user": job.created_by,
        "workspace_id": job.workspace_id,
        "status": job.status,
        "detail": job.error if job.status == JobStatus.FAILED else "",
    }
    if isinstance(job, TrainingRun):
        subject = f"{job.registered_model.name}: {job.subject}"
        return {**common, "kind": NoticeKind.RUN, "subject": subject, "training_run": job}
    if isinstance(job, BatchPrediction):
        subject = f"{job.registered_model.name}: {job.filename}"
        return {**common, "kind": NoticeKind.BATCH, "subject": subject, "batch_prediction": job}
    subject = f"{job.model_version.registered_model.name} {job.model_version.number}"
    return {**common, "kind": NoticeKind.COMPLETION, "subject": subject, "model_version": job.model_version}


def _forget_surplus(user: User) -> None:
    pks = Notice.objects.filter(user=user).order_by("-id").values_list("pk", flat=True)
    for pk in pks[MAX_KEPT : MAX_KEPT + 1]:
        Notice.objects.filter(user=user, pk__lte=pk).delete()


def _mail(notice: Notice) -> None:
    """Send it. A mail server that does not answer within MAIL_SECONDS is given up."""
    kind, status = NoticeKind(notice.kind), notice.status
    pattern = SENTENCES.get((kind, JobStatus(status)), NEW_COMMENT) if status else NEW_COMMENT
    sentence = pattern.format(subject=notice.subject)
    lines = [sentence]
    if notice.detail:
        lines.append(notice.detail)
    if settings.PUBLIC_URL:
        lines.append(f"{settings.PUBLIC_URL}/notices/")
    lines.append("Settings, Notices in mlweb says which notices come by mail.")
    try:
        EmailMessage(
            subject=" ".join(sentence.removesuffix(".").split()),
            body="\n\n".join(lines),
            to=[notice.user.email],
            connection=get_connection(timeout=MAIL_SECONDS),
        ).send()
    except OSError as error:
        # smtplib's errors are OSErrors too.
        logger.warning("A notice could not be mailed (%s).", type(error).__name__)
