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
from playwright.sync_api import Browser, BrowserContext, Page, Request, Response, sync_playwright
from pytest_django.live_server_helper import LiveServer

from predictor.models import User
from predictor.tests.live_worker import hearing_worker

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
# Root, as in a container, has no sandbox; the rest keeps Chromium from calling home.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
TIMEOUT_MS = 20_000
# Playwright's event loop runs in the thread of the test; the test itself is synchronous all the same.
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
    # For one module: while Playwright runs, its event loop is seen by every test of the process.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def _worker(monkeypatch: pytest.MonkeyPatch, live_server: LiveServer) -> Iterator[None]:
    with hearing_worker(monkeypatch):
        yield


@dataclass
class Watch:
    """What went wrong on a page. `allow(400)` for a test that provokes a refusal."""

    base: str
    problems: list[str] = field(default_factory=list)
    allowed: set[int] = field(default_factory=set)

    def allow(self, *statuses: int) -> None:
        self.allowed.update(statuses)

    def attach(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        page.on("console", lambda said: self._said(said.type, said.text))
        page.on("request", self._asked)
        page.on("response", self._answered)

    def _said(self, kind: str, text: str) -> None:
        # A failed request is judged by its status, below.
        if kind in ("error", "warning") and not text.startswith("Failed to load resource"):
            self.problems.append(f"console {kind}: {text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.problems.append(f"request to another host: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.allowed:
            self.problems.append(f"{response.status} for {response.url}")


@pytest.fixture
def watch(live_server: LiveServer) -> Iterator[Watch]:
    watch = Watch(live_server.url)
    yield watch
    assert watch.problems == []


@pytest.fixture
def window(chromium: Browser, watch: Watch) -> Iterator[BrowserContext]:
    """A browser window with nothing kept from other tests."""
    # Less motion, so that no colour is caught on its way to another.
    window = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    window.set_default_timeout(TIMEOUT_MS)
    window.on("page", watch.attach)
    yield window
    window.close()


@pytest.fixture
def tab(window: BrowserContext) -> Page:
    return window.new_page()


def sign_in(window: BrowserContext, live_server: LiveServer, user: User) -> None:
    """As somebody who has signed in before; the sign-in page has a test of its own."""
    client = Client()
    client.force_login(user)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    window.add_cookies([cookie])  # type: ignore[list-item]
