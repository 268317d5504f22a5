"""Bearer token authentication: `Authorization: Bearer <token>` (RFC 6750)."""

from __future__ import annotations

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from ..errors import NotAuthenticated
from ..http import authentication
from ..http.authentication import count_request
from ..models import ApiToken, User

REALM = 'Bearer realm="mlweb"'


class ApiTokenAuthentication(BaseAuthentication):
    """Sets `request.user` to the token's owner and `request.auth` to the `ApiToken`, `membership` included.

    Without the header, Django REST framework tries the next scheme (the session). A bad token gets 401.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, plaintext = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            token = authentication.authenticate(request._request, plaintext.strip())
        except NotAuthenticated as error:
            request.has_bad_token = True
            raise AuthenticationFailed(error.message) from None
        count_request(request._request, token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """The value of `WWW-Authenticate`. By RFC 6750, section 3, it names an error only if a token was sent."""
        return f'{REALM}, error="invalid_token"' if getattr(request, "has_bad_token", False) else REALM


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The security scheme of the OpenAPI document."""

    target_class = ApiTokenAuthentication
    name = "apiToken"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token made under Settings → API tokens.",
        }
