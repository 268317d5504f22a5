from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy

from ...models import WorkspaceRole

ROLES = [
    (WorkspaceRole.VIEWER, gettext_lazy("Viewer: looks and predicts")),
    (WorkspaceRole.MEMBER, gettext_lazy("Member: also uploads, trains and promotes")),
    (WorkspaceRole.ADMIN, gettext_lazy("Admin: also adds people and deletes")),
]


class AddMemberForm(forms.Form):
    email = forms.EmailField(label=gettext_lazy("E-mail address"), max_length=254)
    role = forms.ChoiceField(choices=ROLES, initial=WorkspaceRole.MEMBER)


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=WorkspaceRole.choices)


class WorkspaceForm(forms.Form):
    name = forms.CharField(
        max_length=120, help_text=gettext_lazy("As people see it, for example “Churn team”.")
    )
    slug = forms.CharField(
        label=gettext_lazy("Short name"),
        max_length=60,
        help_text=gettext_lazy(
            "For addresses and the API: lower-case letters, digits and hyphens. It stays as it is."
        ),
    )
