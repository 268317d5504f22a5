"""The Summary of a model and of a version: on one screen of a desk, on two of a phone, whatever the task."""

from __future__ import annotations

from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from predictor.ml.types.schema import Task
from predictor.models import RegisteredModel, User, Workspace
from predictor.services.predictions import loaded_versions
from predictor.tests.browser.conftest import sign_in
from predictor.tests.services.forecast_versions import forecast_version
from predictor.tests.web.described_versions import publish_described
from predictor.tests.web.served_versions import publish_served

HEIGHT = "() => document.documentElement.scrollHeight"
SCREENS = {1280: (900, 900), 390: (844, 2 * 844)}


def test_a_summary_fits_the_screen(
    tab: Page, window: BrowserContext, live_server: LiveServer, workspace: Workspace, admin: User
) -> None:
    loaded_versions.forget_all()
    made = {task.value: task for task in (Task.CLUSTERING, Task.ANOMALY)}
    for slug, task in made.items():
        publish_described(
            RegisteredModel.objects.create(workspace=workspace, slug=slug, name=task.label), task
        )
    publish_served(RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn"))
    forecast_version(RegisteredModel.objects.create(workspace=workspace, slug="shops", name="Shops"))
    sign_in(window, live_server, admin)
    too_high = []

    for slug in (*made, "churn", "shops"):
        for name, args in (("model-detail", [slug]), ("version-detail", [slug, 1])):
            for width, (height, limit) in SCREENS.items():
                tab.set_viewport_size({"width": width, "height": height})
                tab.goto(live_server.url + reverse(name, args=["acme", *args]))
                found = tab.evaluate(HEIGHT)
                if found > limit:
                    too_high.append((name, slug, width, found))

    assert too_high == []


def test_the_tabs_lead_through_a_model_by_keyboard(
    tab: Page, window: BrowserContext, live_server: LiveServer, workspace: Workspace, admin: User
) -> None:
    publish_served(RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn"))
    sign_in(window, live_server, admin)
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.goto(live_server.url + reverse("model-detail", args=["acme", "churn"]))
    tabs = tab.get_by_role("navigation", name="Pages of this model")

    for name in ("Versions", "Monitor", "Rules", "API"):
        link = tabs.get_by_role("link", name=name, exact=True)
        link.focus()
        expect(link).to_be_in_viewport()
        link.press("Enter")
        expect(tabs.locator("[aria-current=page]")).to_have_text(name)
