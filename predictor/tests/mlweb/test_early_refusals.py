"""Early refusals: the same responses as the fast path's, before anything else is done, within a share of the time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, RequestFactory

from mlweb import early_refusals
from mlweb.early_refusals import RefusalPace
from mlweb.fast_path import FastPathHandler
from predictor.http.route_options import options_of
from predictor.services.predictions import admission
from predictor.services.process import meters
from predictor.tests.walls import filled, routes

IDS = {"workspace": "acme", "model": "article", "version": "1"}
PATH = "/api/v1/acme/models/article/predictions"
LIMITED = [
    filled(route.route, IDS)
    for route in routes()
    if (options := options_of(route.view)) and options.is_limited
]


class Unread:
    """A body that fails the test when it is read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


def environ_of(path: str, **more: Any) -> dict[str, Any]:
    environ = RequestFactory().post(path, b"{}", content_type="application/json").environ
    return {**environ, "wsgi.input": Unread(), "HTTP_HOST": "testserver", "HTTP_X_REQUEST_ID": "abc", **more}


class Server:
    """The WSGI application, with a host that it knows already; `slept` are the waits of refusals in seconds."""

    def __init__(self) -> None:
        self.application = FastPathHandler()
        self.application.fast_path._good_hosts.add("testserver")
        self.slept: list[float] = []
        self.application.early_refusals._sleep = self.slept.append  # type: ignore[assignment]

    def post(self, path: str = PATH, **more: Any) -> tuple[str, dict[str, str], bytes]:
        head: list[Any] = []
        content = b"".join(self.application(environ_of(path, **more), lambda *each: head.extend(each)))
        return head[0], dict(head[1]), content


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr("mlweb.fast_path.close_old_connections", lambda: None)
    return Server()


@pytest.fixture
def overload(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(settings, "PREDICTIONS_AT_ONCE", 1)
    monkeypatch.setattr(settings, "PREDICTIONS_WAITING", 0)
    admission.prediction_limit.enter()
    yield
    admission.prediction_limit.leave()


@pytest.mark.parametrize("path", LIMITED)
def test_the_response_is_what_the_fast_path_sends(overload: None, server: Server, path: str) -> None:
    expected = Client().post(path, b"{}", content_type="application/json", headers={"X-Request-ID": "abc"})
    before = meters.totals().value("busy_refusals")

    status, headers, content = server.post(path)

    assert (status, content) == ("503 Service Unavailable", expected.content)
    assert headers == dict(expected.items())
    assert headers["Retry-After"] == "1"
    assert meters.totals().value("busy_refusals") == before + 1


def test_each_refusal_has_an_id_of_its_own_and_is_counted(overload: None, server: Server) -> None:
    def refused() -> float:
        return sum(n for face, status, n in meters.totals().requests() if (face, status) == ("api", 503))

    before = refused()
    ids = set()
    for _ in range(3):
        _, headers, content = server.post(HTTP_X_REQUEST_ID="not one word")
        assert f'"request_id":"{headers["X-Request-ID"]}"'.encode() in content
        ids.add(headers["X-Request-ID"])

    assert len(ids) == 3
    assert refused() == before + 3
    assert meters.totals().value("requests_in_flight") == 0


def test_the_access_log_names_the_workspace_and_the_model(overload: None, server: Server) -> None:
    entries: list[Any] = []
    server.application.fast_path._metrics.log = type("Log", (), {"add": staticmethod(entries.append)})()  # type: ignore[assignment]

    server.post()

    (entry,) = entries
    assert (entry.request_id, entry.method, entry.path, entry.status) == ("abc", "POST", PATH, 503)
    assert (entry.workspace, entry.model, entry.token) == ("acme", "article", "")


def test_over_https_it_has_the_headers_of_https(overload: None, server: Server) -> None:
    server.application.early_refusals._security_headers = ([("A", "http")], [("A", "https")])

    assert server.post()[1]["A"] == "http"
    assert server.post(**{"wsgi.url_scheme": "https"})[1]["A"] == "https"


def test_a_proxy_says_what_the_caller_used(settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    for sent, is_https in (("https", True), ("https, http", True), ("http", False), ("", False)):
        environ = environ_of(PATH, HTTP_X_FORWARDED_PROTO=sent)
        assert early_refusals.is_https(environ) is is_https
    assert not early_refusals.is_https(environ_of(PATH))
    assert early_refusals.is_https(environ_of(PATH, **{"wsgi.url_scheme": "https"}))


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/serve/acme/v2/health/live", {}),
        ("/w/acme/models/article/predict/", {}),
        ("/api/v1/acme/models/article/predictions/nothing", {}),
        (PATH, {"HTTP_HOST": "elsewhere"}),
        (PATH, {"SECURE": True}),
    ],
)
def test_other_requests_are_left_to_the_fast_path(
    overload: None, server: Server, path: str, more: dict[str, Any], settings: Any
) -> None:
    settings.SECURE_SSL_REDIRECT = more.pop("SECURE", False)

    assert server.application.early_refusals.answer(environ_of(path, **more), lambda *head: None) is None


def test_without_overload_nothing_is_refused(server: Server, db: None) -> None:
    assert server.post(HTTP_AUTHORIZATION="Bearer wrong")[0].startswith("401")


class Clock:
    at = 1_000.0

    def __call__(self) -> float:
        return self.at


def pace(seconds_each: float) -> tuple[RefusalPace, Clock]:
    clock = Clock()
    pace = RefusalPace(now=clock)
    pace.took(seconds_each)
    return pace, clock


def test_refusals_beyond_their_share_of_the_time_wait_for_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_refusals, "SHARE_OF_TIME", 0.05)
    monkeypatch.setattr(early_refusals, "SAVED_SECONDS", 0.5)
    monkeypatch.setattr(early_refusals, "WITH_WEB_SERVER", 10)
    # 2 ms of all code, of which a twentieth of the time allows one in 40 ms: twelve and a half are saved up.
    refusals, clock = pace(0.0002)

    waits = [refusals.wait_seconds() for _ in range(15)]

    assert waits[:13] == [0.0] * 13
    assert waits[13:] == pytest.approx([0.02, 0.06])
    clock.at += 1.0
    assert refusals.wait_seconds() == 0.0


def test_a_wait_has_a_bound_and_those_at_the_bound_do_not_lengthen_it() -> None:
    refusals, clock = pace(1.0)
    for _ in range(20):
        assert refusals.wait_seconds() <= early_refusals.LONGEST_WAIT_SECONDS
    most = refusals._next_at - clock.at

    assert refusals.wait_seconds() == early_refusals.LONGEST_WAIT_SECONDS
    assert refusals._next_at - clock.at == most


def test_what_a_refusal_takes_is_an_average_of_the_last_ones() -> None:
    refusals, _ = pace(1.0)
    assert refusals.seconds_each == 1.0
    for _ in range(500):
        refusals.took(0.5)
    assert refusals.seconds_each == pytest.approx(0.5, abs=0.001)


def test_callers_who_come_back_at_once_wait_asleep(overload: None, server: Server) -> None:
    early = server.application.early_refusals
    early._pace, _ = pace(1.0)

    for _ in range(3):
        assert server.post()[0].startswith("503")

    assert server.slept == [early_refusals.LONGEST_WAIT_SECONDS] * 2
    # What they take is measured anew.
    assert early._pace.seconds_each < 1.0


def test_nobody_is_held_while_few_threads_are_free(overload: None, server: Server) -> None:
    early = server.application.early_refusals
    early._pace, _ = pace(1.0)
    requests = server.application.requests
    opened = [requests.enter("10.0.0.1", has_body=False) for _ in range(requests.most)]

    for _ in range(3):
        assert server.post()[0].startswith("503")
    assert server.slept == []

    requests.leave(opened[0])
    server.post()
    assert len(server.slept) == 1
    assert requests.has_free_threads
