"""Member pages of a workspace, and the page that creates a workspace."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.generic import FormView, TemplateView

from ...errors import MlwebError, quoted
from ...i18n.translation import translated
from ...models import Membership, WorkspaceRole
from ...services.accounts import invitations, workspaces
from ..pages.access import WorkspaceMixin
from ..pages.known_names import KnownNames
from ..pages.refusals import refused
from ..pages.tables import Choice, Column, ListTable, ShownTable
from .accounts import set_password_link
from .member_forms import ROLES, AddMemberForm, RoleForm, WorkspaceForm

MEMBERS = ListTable(
    caption=gettext_lazy("Members"),
    columns=(
        Column(gettext_lazy("E-mail address"), "email", ("user__email", "id")),
        Column(gettext_lazy("Role"), "role", ("role", "id")),
        Column(gettext_lazy("Last sign-in"), "seen", ("user__last_login", "id")),
        Column(gettext_lazy("Since"), "since", ("created_at", "id")),
        Column(gettext_lazy("Actions"), is_hidden=True),
    ),
    default="email",
    search_label=gettext_lazy("Search by e-mail address"),
    search=("user__email",),
    choices=(Choice("role", gettext_lazy("Role"), WorkspaceRole.choices),),
    csv_name="members",
    csv_heads=("email", "role", "last_sign_in", "since"),
    csv_row=lambda member: (
        member.user.email,
        member.role,
        member.user.last_login.isoformat() if member.user.last_login else None,
        member.created_at.isoformat(),
    ),
    page_size=100,
)


class MemberList(WorkspaceMixin, TemplateView):
    """Everybody in the workspace may see who else is; admins also get the forms."""

    query_names = MEMBERS.query_names
    template_name = "predictor/accounts/member_list.html"

    @cached_property
    def table(self) -> ShownTable:
        return MEMBERS.shown(self.request, self.workspace.memberships.select_related("user"))

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return self.table.csv_response() if self.table.wants_csv else super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        table = self.table
        is_admin = self.membership.can(WorkspaceRole.ADMIN)
        return {
            "table": table,
            "page": table.page,
            "form": AddMemberForm() if is_admin else None,
            "roles": WorkspaceRole.choices,
            "role_words": ROLES,
            **super().get_context_data(**kwargs),
        }


@method_decorator(never_cache, name="dispatch")
class MemberAdd(WorkspaceMixin, FormView):
    """Invites somebody: the response shows a link to hand over, for an address with an account as for one without."""

    field_names = tuple(AddMemberForm.base_fields)
    required_role = WorkspaceRole.ADMIN
    template_name = "predictor/accounts/member_add.html"
    form_class = AddMemberForm

    def form_valid(self, form: AddMemberForm) -> HttpResponse:
        email, role = form.cleaned_data["email"], WorkspaceRole(form.cleaned_data["role"])
        try:
            key = invitations.invite(workspace=self.workspace, email=email, role=role, by=self.request.user)
        except workspaces.AlreadyMember as error:
            role_now = translated(error.membership.get_role_display()).lower()
            messages.info(
                self.request,
                _("%(email)s is in already, as %(role_now)s.")
                % {"email": error.membership.user.email, "role_now": role_now},
            )
            return redirect("member-list", self.workspace.slug)
        except MlwebError as error:
            form.add_error(None, translated(error.message))
            return refused(self.form_invalid(form), error)
        link = self.request.build_absolute_uri(reverse("invitation", args=[key]))
        context = {"email": email, "role": role.label, "link": link}
        return render(self.request, "predictor/accounts/invited.html", context)

    def form_invalid(self, form: AddMemberForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=400)


@method_decorator(never_cache, name="dispatch")
class MemberLink(WorkspaceMixin, View):
    """A new set-password link for a member who has not used the first one."""

    field_names = None
    required_role = WorkspaceRole.ADMIN

    def post(self, request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponse:
        member = self.get_visible_or_404(Membership.objects.select_related("user"), pk=pk)
        # Whether the member is one of this workspace comes first.
        self.refuse_unknown_fields()
        if not workspaces.can_be_sent_a_link(member):
            messages.error(
                request,
                _("%(email)s has an account of their own; the sign-in page resets its password.")
                % {"email": member.user.email},
            )
            return redirect("member-list", self.workspace.slug)
        return show_link(request, member)


class MemberRole(WorkspaceMixin, View):
    field_names = tuple(RoleForm.base_fields)
    required_role = WorkspaceRole.ADMIN

    def post(self, request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponse:
        member = self.get_visible_or_404(Membership, pk=pk)
        form = RoleForm(request.POST)
        if not form.is_valid():
            messages.error(
                request,
                _("%(value)s is not a role; nothing was changed.")
                % {"value": quoted(request.POST.get("role", ""))},
            )
            return redirect("member-list", self.workspace.slug)
        try:
            member = workspaces.change_role(membership=member, by=request.user, **form.cleaned_data)
        except MlwebError as error:
            messages.error(request, error.message)
        else:
            messages.success(
                request,
                _("%(email)s is now %(get_role_display)s.")
                % {
                    "email": member.user.email,
                    "get_role_display": translated(member.get_role_display()).lower(),
                },
            )
        return redirect("member-list", self.workspace.slug)


class MemberRemove(WorkspaceMixin, View):
    """Asks on GET, removes on POST."""

    field_names = None
    required_role = WorkspaceRole.ADMIN

    def get(self, request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponse:
        member = self.get_visible_or_404(Membership.objects.select_related("user"), pk=pk)
        return render(request, "predictor/accounts/member_remove.html", {"member": member})

    def post(self, request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponse:
        member = self.get_visible_or_404(Membership.objects.select_related("user"), pk=pk)
        self.refuse_unknown_fields()
        try:
            workspaces.remove_member(membership=member, by=request.user)
        except MlwebError as error:
            messages.error(request, error.message)
            return redirect("member-list", self.workspace.slug)
        messages.success(
            request,
            _("%(email)s is no longer in %(name)s.")
            % {"email": member.user.email, "name": self.workspace.name},
        )
        is_myself = member.user_id == request.user.pk
        return redirect("home") if is_myself else redirect("member-list", self.workspace.slug)


class WorkspaceCreate(LoginRequiredMixin, KnownNames, FormView):
    """Only superusers create workspaces: a workspace isolates data, and somebody has to administer it."""

    field_names = tuple(WorkspaceForm.base_fields)
    template_name = "predictor/accounts/workspace_create.html"
    form_class = WorkspaceForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated and not request.user.is_superuser:
            raise PermissionDenied(
                _("Only superusers of this installation make workspaces; ask one of them.")
            )
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: WorkspaceForm) -> HttpResponse:
        try:
            workspace = workspaces.create_workspace(by=self.request.user, **form.cleaned_data)
        except MlwebError as error:
            form.add_error(None, translated(error.message))
            return refused(self.form_invalid(form), error)
        messages.success(
            self.request, _("%(name)s is ready. Add the people who work in it.") % {"name": workspace.name}
        )
        return redirect("member-list", workspace.slug)

    def form_invalid(self, form: WorkspaceForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=400)


def show_link(request: HttpRequest, member: Membership) -> HttpResponse:
    """The page with the link to hand over, at which the person sets the password of the new account."""
    context = {"member": member, "link": set_password_link(request, member.user)}
    return render(request, "predictor/accounts/member_link.html", context)
