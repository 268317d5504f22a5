"""A real Chromium against the live server. Skipped where there is no Chromium.

Every page is watched: an error in the console, a report of the content security policy, a failed request
or one to another host fails the test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, Request, Response, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from predictor.models import User
from predictor.tests.live_worker import hearing_worker
from predictor.tests.waiting import HANG_SECONDS
from predictor.tests.web.furnished import furnished  # noqa: F401 (a fixture)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
# Root, as in a container, cannot use the sandbox; the other flags stop Chromium's own requests to the network.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
TIMEOUT_MS = 1000 * HANG_SECONDS
expect.set_options(timeout=TIMEOUT_MS)
# Playwright's event loop runs in the thread of the test, although the test is synchronous.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
PASSWORD = "a long enough secret"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    is_missing = not Path(CHROMIUM).exists()
    for item in items:
        if here not in item.path.parents:
            continue
        item.add_marker(pytest.mark.browser)
        if is_missing:
            item.add_marker(
                pytest.mark.skip(reason="Chromium is not installed (Debian: apt install chromium).")
            )


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # One for each module: while Playwright runs, every test of the process sees its event loop.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def _worker(monkeypatch: pytest.MonkeyPatch, live_server: LiveServer) -> Iterator[None]:
    with hearing_worker(monkeypatch):
        yield


EXPECTED = ("Failed to load resource", "htmx:afterRequest, ", "htmx:sendAbort, ")


@dataclass
class Watch:
    """Records errors of a page: console, scripts, status codes, other hosts. `allow(400)` permits a status."""

    base: str
    problems: list[str] = field(default_factory=list)
    allowed: set[int] = field(default_factory=set)

    def allow(self, *statuses: int) -> None:
        self.allowed.update(statuses)

    def attach(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        page.on("console", lambda message: self._check_console(message.type, message.text))
        page.on("request", self._check_request)
        page.on("response", self._check_response)

    def _check_console(self, kind: str, text: str) -> None:
        # `_check_response` reports failed requests. htmx also reports those that a later one replaced.
        if kind in ("error", "warning") and not text.startswith(EXPECTED):
            self.problems.append(f"console {kind}: {text}")

    def _check_request(self, request: Request) -> None:
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.problems.append(f"request to another host: {request.url}")

    def _check_response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.allowed:
            self.problems.append(f"{response.status} for {response.url}")


@pytest.fixture
def watch(live_server: LiveServer) -> Iterator[Watch]:
    watch = Watch(live_server.url)
    yield watch
    assert watch.problems == []


@pytest.fixture
def window(chromium: Browser, watch: Watch) -> Iterator[BrowserContext]:
    """A new browser context, without cookies and storage of other tests."""
    # Reduced motion, so that no colour is measured during a transition.
    window = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    window.set_default_timeout(TIMEOUT_MS)
    window.on("page", watch.attach)
    yield window
    window.close()


@pytest.fixture
def tab(window: BrowserContext) -> Page:
    return window.new_page()


def sign_in(window: BrowserContext, live_server: LiveServer, user: User) -> None:
    """Sign in by a session cookie; the sign-in page has a test of its own."""
    client = Client()
    client.force_login(user)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    window.add_cookies([cookie])  # type: ignore[list-item]
