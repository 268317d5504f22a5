"""Error responses of pages: the status and the headers of the error that a page shows."""

from __future__ import annotations

from django.http import HttpResponse

from ...errors import MlwebError
from ...http.statuses import headers_of, status_of


def refused(response: HttpResponse, error: MlwebError | None) -> HttpResponse:
    """The page that shows this error, with the error's status and headers; without an error, as it is."""
    if error is not None:
        response.status_code = int(status_of(error))
        for name, value in headers_of(error).items():
            response[name] = value
    return response
