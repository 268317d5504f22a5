"""The admin panel: Django's own, behind the site's sign-in, with the walls of the workspaces.

One file for each noun. Every list goes through `visible_to(request.user)`, superuser or not; what is
immutable is read-only; every change is one service call.
"""

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from django.contrib import admin

from . import batches, datasets, people, predictions, registry, tokens, training, versions  # noqa: F401

admin.site.site_header = admin.site.site_title = "mlweb"
admin.site.index_title = "Admin panel"

# Registered by the sign-in library, without walls; the last one holds the secrets of the second step.
for model in (EmailAddress, EmailConfirmation, Authenticator):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
