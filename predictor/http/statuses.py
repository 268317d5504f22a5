"""The one table from errors to HTTP statuses and headers, for every interface."""

from __future__ import annotations

from http import HTTPStatus

from .. import errors

STATUS: dict[type[errors.MlwebError], HTTPStatus] = {
    errors.InvalidInput: HTTPStatus.BAD_REQUEST,
    errors.NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Gone: HTTPStatus.GONE,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.TrainingFailed: HTTPStatus.CONFLICT,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnsupportedContent: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.StrictRows: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.KeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.RequestUnderWay: HTTPStatus.CONFLICT,
    errors.RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    errors.OverQuota: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.NotLogged: HTTPStatus.SERVICE_UNAVAILABLE,
    # Nobody reads it; a repetition is carried out, unlike one of a request that is wrong.
    errors.CallerLeft: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.TookTooLong: HTTPStatus.SERVICE_UNAVAILABLE,
}


def status_of(error: errors.MlwebError) -> HTTPStatus:
    """The HTTP status of an error: the one of its nearest base class in the table."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), HTTPStatus.BAD_REQUEST)


def headers_of(error: errors.MlwebError) -> dict[str, str]:
    """The response headers of an error: how to authenticate, and when to try again."""
    headers = {"WWW-Authenticate": "Bearer"} if status_of(error) == HTTPStatus.UNAUTHORIZED else {}
    if isinstance(error, errors.TryLater):
        headers["Retry-After"] = str(error.retry_seconds)
    return headers
