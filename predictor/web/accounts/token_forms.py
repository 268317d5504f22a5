from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from ...models import Scope, User, Workspace
from ...services.accounts import tokens

LIFETIMES = [("30", "30 days"), ("90", "90 days"), ("365", "one year"), ("", "no end")]


class TokenForm(forms.Form):
    name = forms.CharField(max_length=80, help_text="What will use it, for example “nightly scoring”.")
    workspace = forms.ModelChoiceField(
        queryset=Workspace.objects.none(),
        empty_label=None,
        help_text="The token works in this workspace only, within your role there.",
    )
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=[Scope.READ, Scope.PREDICT],
        help_text="Give it no more than it needs.",
    )
    requests_per_minute = forms.IntegerField(
        label="At most",
        required=False,
        min_value=1,
        max_value=tokens.MOST_REQUESTS_PER_MINUTE,
        help_text="Requests a minute. Leave it empty for the installation's limit.",
    )
    lifetime = forms.ChoiceField(label="Ends after", choices=LIFETIMES, initial="90", required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["workspace"].queryset = Workspace.objects.visible_to(user)  # type: ignore[attr-defined]

    def clean_lifetime(self) -> datetime | None:
        days = self.cleaned_data["lifetime"]
        return timezone.now() + timedelta(days=int(days)) if days else None
