"""The Django admin, with the site's sign-in and the access rules of workspaces.

One file for each noun. Every list is filtered by `visible_to(request.user)`, also for superusers; immutable objects are
read-only; every change is one service call.
"""

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.utils.translation import gettext_lazy

from ..i18n import names
from . import (  # noqa: F401
    actuals,
    batches,
    comments,
    datasets,
    forms,
    people,
    predictions,
    registry,
    tokens,
    training,
    versions,
)

admin.site.site_header = admin.site.site_title = "mlweb"
admin.site.index_title = gettext_lazy("Admin panel")

# allauth registers these without access rules; the last one holds the secrets of the second factor.
for model in (EmailAddress, EmailConfirmation, Authenticator):
    if admin.site.is_registered(model):
        admin.site.unregister(model)

names.translate_models("predictor")
