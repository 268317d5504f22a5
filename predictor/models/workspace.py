from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from simple_history.models import HistoricalRecords

if TYPE_CHECKING:
    from .user import User


class WorkspaceRole(models.TextChoices):
    VIEWER = "viewer", "Viewer"  # reads and predicts
    MEMBER = "member", "Member"  # also uploads, trains, promotes and archives
    ADMIN = "admin", "Admin"  # also adds people and deletes


ROLE_RANK = {WorkspaceRole.VIEWER: 1, WorkspaceRole.MEMBER: 2, WorkspaceRole.ADMIN: 3}


class WorkspaceQuerySet(models.QuerySet["Workspace"]):
    def visible_to(self, user: User) -> WorkspaceQuerySet:
        """The workspaces of the user; none for an anonymous one."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(memberships__user=user)  # at most one membership each, so no duplicate rows


class Workspace(models.Model):
    """A tenant: datasets, models and predictions belong to one workspace; only its members can see them."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="predictor.Membership", related_name="workspaces"
    )

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def role_of(self, user: User) -> WorkspaceRole | None:
        role = self.memberships.filter(user=user).values_list("role", flat=True).first()
        return WorkspaceRole(role) if role else None


class MembershipQuerySet(models.QuerySet["Membership"]):
    def visible_to(self, user: User) -> MembershipQuerySet:
        return self.filter(workspace__in=Workspace.objects.visible_to(user))


class Membership(models.Model):
    """A user's membership and role in a workspace."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=WorkspaceRole.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()
    history = HistoricalRecords()
    _history_user: User | None  # who does the change, for the history

    class Meta:
        ordering = ["workspace_id", "user_id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="membership_once_per_person"),
            models.CheckConstraint(
                condition=models.Q(role__in=WorkspaceRole.values), name="membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace} as {self.role}"

    def can(self, role: WorkspaceRole) -> bool:
        """Whether the membership has at least this role."""
        return ROLE_RANK[WorkspaceRole(self.role)] >= ROLE_RANK[role]
