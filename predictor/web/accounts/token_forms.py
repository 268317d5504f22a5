from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy

from ...models import Scope, User, Workspace
from ...services.accounts import tokens

LIFETIMES = [
    ("30", gettext_lazy("30 days")),
    ("90", gettext_lazy("90 days")),
    ("365", gettext_lazy("one year")),
    ("", gettext_lazy("no end")),
]


class TokenForm(forms.Form):
    name = forms.CharField(
        max_length=80, help_text=gettext_lazy("What will use it, for example “nightly scoring”.")
    )
    workspace = forms.ModelChoiceField(
        queryset=Workspace.objects.none(),
        empty_label=None,
        help_text=gettext_lazy("The token works in this workspace only, within your role there."),
    )
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=[Scope.READ, Scope.PREDICT],
        help_text=gettext_lazy("Give it no more than it needs."),
    )
    requests_per_minute = forms.IntegerField(
        label=gettext_lazy("At most"),
        required=False,
        min_value=1,
        max_value=tokens.MOST_REQUESTS_PER_MINUTE,
        help_text=gettext_lazy("Requests a minute. Leave it empty for the installation's limit."),
    )
    lifetime = forms.ChoiceField(
        label=gettext_lazy("Ends after"), choices=LIFETIMES, initial="90", required=False
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["workspace"].queryset = Workspace.objects.visible_to(user)  # type: ignore[attr-defined]

    def clean_lifetime(self) -> datetime | None:
        days = self.cleaned_data["lifetime"]
        return timezone.now() + timedelta(days=int(days)) if days else None
