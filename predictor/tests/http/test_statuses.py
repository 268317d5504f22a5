from __future__ import annotations

import inspect
from http import HTTPStatus

import pytest

from predictor import errors
from predictor.http.statuses import STATUS, headers_of, status_of

# As docs and clients know them. RFC 9110 names the codes up to 426, RFC 6585 names 429.
EXPECTED = {
    "InvalidInput": 400, "InvalidTable": 400, "InfiniteNumbers": 400, "UnknownEncoding": 400,
    "RaggedRows": 400, "InvalidRows": 400,
    "InvalidTrainingRequest": 400, "InvalidHyperparameters": 400, "LosesCells": 400, "InvalidThreshold": 400,
    "NotAuthenticated": 401, "Forbidden": 403, "NotFound": 404, "Gone": 410,
    "Conflict": 409, "TrainingFailed": 409, "RequestUnderWay": 409, "NotServable": 409, "DamagedArtifact": 409,
    "TooLarge": 413, "UnsupportedContent": 415, "StrictRows": 422, "KeyReused": 422, "RateLimited": 429,
    "OverQuota": 429, "Busy": 503, "NotLogged": 503, "CallerLeft": 503, "TookTooLong": 503,
}  # fmt: skip
# Nothing raises these themselves.
BASES = {"MlwebError", "TryLater"}


def made(kind: type[errors.MlwebError]) -> errors.MlwebError:
    return kind("x", retry_seconds=1) if issubclass(kind, errors.TryLater) else kind("x")


def test_every_error_has_its_status() -> None:
    kinds = {
        name: kind
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.MlwebError) and name not in BASES
    }

    assert {name: int(status_of(made(kind))) for name, kind in kinds.items()} == EXPECTED


@pytest.mark.parametrize("base", [errors.MlwebError, errors.TryLater])
def test_an_error_that_is_not_in_the_table_is_the_callers(base: type[errors.MlwebError]) -> None:
    assert status_of(made(type("Own", (base,), {}))) is HTTPStatus.BAD_REQUEST


def test_the_nearest_base_class_decides() -> None:
    class Both(errors.RateLimited, errors.Conflict):
        pass

    class Child(Both):
        pass

    assert status_of(made(Child)) is HTTPStatus.TOO_MANY_REQUESTS


def test_the_table_holds_errors_alone() -> None:
    assert all(400 <= status < 600 for status in STATUS.values())


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (errors.NotAuthenticated("x"), {"WWW-Authenticate": "Bearer"}),
        (errors.Busy("x", retry_seconds=3), {"Retry-After": "3"}),
        (errors.RateLimited("x", retry_seconds=60), {"Retry-After": "60"}),
        (errors.TookTooLong("x"), {}),
        (errors.Forbidden("x"), {}),
    ],
)
def test_headers_say_what_to_do_next(error: errors.MlwebError, headers: dict[str, str]) -> None:
    assert headers_of(error) == headers
