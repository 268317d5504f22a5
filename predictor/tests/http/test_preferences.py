from __future__ import annotations

import pytest
from django.test import RequestFactory
from rest_framework.request import Request

from predictor.http.preferences import prefers_async


@pytest.mark.parametrize(
    ("header", "is_async"),
    [
        # RFC 7240, sections 2 and 4.1: names are case-insensitive, lists are separated by commas.
        ("respond-async", True),
        ("Respond-Async", True),
        ("respond-async, wait=10", True),
        ("wait=10,respond-async", True),
        ("handling=lenient, wait=100, respond-async", True),
        ("  respond-async  ;foo=bar , wait=1", True),
        ("", False),
        ("wait=10", False),
        ("return=minimal", False),
        ("respond-asynchronously", False),
        ("no-respond-async", False),
        ('foo; bar="respond-async"', False),
        (",;,", False),
    ],
)
def test_a_caller_that_would_rather_poll_says_so(header: str, is_async: bool) -> None:
    request = Request(RequestFactory().post("/", headers={"Prefer": header}))

    assert prefers_async(request) is is_async


def test_without_the_header_the_caller_waits() -> None:
    assert not prefers_async(Request(RequestFactory().post("/")))
