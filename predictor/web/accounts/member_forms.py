from __future__ import annotations

from django import forms

from ...models import WorkspaceRole

ROLES = [
    (WorkspaceRole.VIEWER, "Viewer: looks and predicts"),
    (WorkspaceRole.MEMBER, "Member: also uploads, trains and promotes"),
    (WorkspaceRole.ADMIN, "Admin: also adds people and deletes"),
]


class AddMemberForm(forms.Form):
    email = forms.EmailField(label="E-mail address", max_length=254)
    role = forms.ChoiceField(choices=ROLES, initial=WorkspaceRole.MEMBER)


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=WorkspaceRole.choices)


class WorkspaceForm(forms.Form):
    name = forms.CharField(max_length=120, help_text="As people see it, for example “Churn team”.")
    slug = forms.CharField(
        label="Short name",
        max_length=60,
        help_text="For addresses and the API: lower-case letters, digits and hyphens. It stays as it is.",
    )
