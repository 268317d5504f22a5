"""Pages of clustering and anomaly detection versions, and the training form without a target."""

from __future__ import annotations

from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from predictor.ml.types.schema import Task
from predictor.models import RegisteredModel, User, Workspace
from predictor.services.predictions import loaded_versions
from predictor.tests.browser.conftest import sign_in
from predictor.tests.browser.test_pages import faults_of
from predictor.tests.web.described_versions import publish_described
from predictor.tests.web.tables import upload


def test_charts_of_clusters_and_unusual_rows_are_drawn_and_accessible(
    tab: Page, window: BrowserContext, live_server: LiveServer, workspace: Workspace, admin: User
) -> None:
    loaded_versions.forget_all()
    faults = []
    sign_in(window, live_server, admin)
    for task in (Task.CLUSTERING, Task.ANOMALY):
        model = RegisteredModel.objects.create(workspace=workspace, slug=task.value, name=task.label)
        publish_described(model, task)
        for page in ("detail", "charts", "explain"):
            tab.goto(live_server.url + reverse(f"version-{page}", args=["acme", task.value, 1]))
            for chart in tab.locator(".chart").all():
                chart.scroll_into_view_if_needed()
                expect(chart.locator(".plot")).to_be_visible()
            faults += faults_of(tab, f"{task.label}, {page}")
    assert faults == []


def test_the_form_asks_for_no_target_where_there_is_none(
    tab: Page, window: BrowserContext, live_server: LiveServer, workspace: Workspace, admin: User
) -> None:
    dataset = upload(workspace, admin)
    sign_in(window, live_server, admin)
    tab.goto(live_server.url + reverse("training-run-create", args=["acme", dataset.pk]))
    target = tab.get_by_label("What should be predicted?")
    expect(target).to_be_visible()

    tab.get_by_label("What kind of answer?").select_option("clustering")

    expect(target).to_be_hidden()
    expect(tab.get_by_label("Name of the model")).to_have_value("people clustering")
    assert faults_of(tab, "train without a target") == []
