"""Personal settings: the user's own API tokens."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.generic import FormView

from ...errors import MlwebError
from ...i18n.translation import translated
from ...models import ApiToken
from ...services.accounts import tokens
from ..pages.known_names import KnownNames
from ..pages.refusals import refused
from ..pages.tables import Column, ListTable
from .token_forms import TokenForm

TOKENS = ListTable(
    caption=gettext_lazy("Your tokens"),
    columns=(
        Column(gettext_lazy("Name"), "name", ("name", "id")),
        Column(gettext_lazy("Begins with")),
        Column(gettext_lazy("Workspace"), "workspace", ("workspace__name", "id")),
        Column(gettext_lazy("Scopes")),
        Column(gettext_lazy("Last used"), "used", ("last_used_at", "id")),
        Column(gettext_lazy("Ends"), "ends", ("expires_at", "id")),
        Column(gettext_lazy("Created"), "created", ("created_at", "id")),
        Column(gettext_lazy("Revoke"), is_hidden=True),
    ),
    default="-created",
    page_size=100,
    csv_name="tokens",
    csv_heads=("name", "begins_with", "workspace", "scopes", "created", "last_used", "ends", "revoked"),
    csv_row=lambda token: (
        token.name,
        token.prefix,
        token.workspace.slug,
        " ".join(token.scopes),
        token.created_at.isoformat(),
        token.last_used_at.isoformat() if token.last_used_at else None,
        token.expires_at.isoformat() if token.expires_at else None,
        token.revoked_at.isoformat() if token.revoked_at else None,
    ),
)


class TokenList(LoginRequiredMixin, KnownNames, View):
    query_names = TOKENS.query_names

    def get(self, request: HttpRequest) -> HttpResponse:
        table = TOKENS.shown(request, ApiToken.objects.owned_by(request.user).select_related("workspace"))
        if table.wants_csv:
            return table.csv_response()
        context = {"table": table, "page": table.page}
        return render(request, "predictor/accounts/token_list.html", context)


@method_decorator(never_cache, name="dispatch")
class TokenCreate(LoginRequiredMixin, KnownNames, FormView):
    """Creates a token. The response shows it, only once."""

    field_names = tuple(TokenForm.base_fields)
    template_name = "predictor/accounts/token_create.html"
    form_class = TokenForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "user": self.request.user}

    def form_valid(self, form: TokenForm) -> HttpResponse:
        fields = form.cleaned_data
        try:
            created = tokens.create_token(
                user=self.request.user,
                workspace=fields["workspace"],
                name=fields["name"],
                scopes=fields["scopes"],
                expires_at=fields["lifetime"],
                requests_per_minute=fields["requests_per_minute"],
            )
        except MlwebError as error:
            form.add_error(None, translated(error.message))
            return refused(self.form_invalid(form), error)
        return render(
            self.request,
            "predictor/accounts/token_created.html",
            {
                "token": created.token,
                "plaintext": created.plaintext,
                "rights": rights_of(created.token),
                "api_url": self.request.build_absolute_uri("/api/v1/workspaces"),
            },
        )

    def form_invalid(self, form: TokenForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=400)


def rights_of(token: ApiToken) -> str:
    """The token's workspace, its scopes and its last day, in a sentence."""
    end = (
        _("ends on %(expires_at)s") % {"expires_at": f"{token.expires_at:%Y-%m-%d}"}
        if token.expires_at
        else _("no end")
    )
    return _("For %(name)s; scopes: %(scopes)s; %(end)s.") % {
        "name": token.workspace.name,
        "scopes": ", ".join(token.scopes),
        "end": end,
    }


class TokenRevoke(LoginRequiredMixin, KnownNames, View):
    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        token = ApiToken.objects.owned_by(request.user).filter(pk=pk).first()
        if token is None:
            raise Http404(_("There is no such token."))
        tokens.revoke(token=token, by=request.user)
        messages.success(
            request,
            _("The token %(name)s is revoked; programs that use it are refused from now on.")
            % {"name": token.name},
        )
        return redirect("token-list")
