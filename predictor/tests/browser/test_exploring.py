"""What-if with a real slider, and the accessibility of the panels below an answer."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from predictor import errors
from predictor.models import PredictionLog, RegisteredModel, User, Workspace
from predictor.services import predictions
from predictor.services.predictions import counterfactuals, loaded_versions
from predictor.tests.browser.conftest import Watch, sign_in
from predictor.tests.browser.test_pages import faults_of
from predictor.tests.web.served_versions import publish_served


@pytest.fixture
def model(workspace: Workspace) -> RegisteredModel:
    loaded_versions.forget_all()
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    publish_served(model)
    return model


def test_the_answer_follows_a_slider_and_the_log_stays_as_it_is(
    tab: Page, live_server: LiveServer, model: RegisteredModel, member: User
) -> None:
    sign_in(tab.context, live_server, member)
    tab.goto(live_server.url + reverse("predict", args=["acme", "churn"]))
    tab.get_by_role("button", name="Predict", exact=True).click()
    changed = tab.get_by_role("region", name="The answer for the changed values")
    expect(changed).to_contain_text("Nothing is changed yet.")

    slider = tab.get_by_role("slider", name="age")
    slider.focus()
    tab.keyboard.press("End")

    expect(tab.locator("output[for=w0]")).to_have_text("90")
    expect(changed).to_contain_text("The probability of “stay” was")
    expect(changed.locator(".answer-label")).to_have_text("<b>leave</b>")
    tab.get_by_role("button", name="Back to the row").click()
    expect(changed).to_contain_text("The answer is the same as before.")
    tab.get_by_role("button", name="Look for changes").click()
    expect(tab.get_by_role("button", name="Predict this row").first).to_be_visible()
    assert PredictionLog.objects.count() == 1
    assert faults_of(tab, "explored") == []


REFUSALS = {
    400: errors.InvalidInput("The value is wrong."),
    403: errors.Forbidden("You may not do this here."),
    409: errors.NotServable("Version 1 is archived."),
    413: errors.TooLarge("The row is too large."),
    415: errors.UnsupportedContent("This is not a row."),
    422: errors.StrictRows("The row is doubtful."),
    429: errors.RateLimited("Too many requests.", retry_seconds=3),
    503: errors.Busy("The server is busy.", retry_seconds=1),
}


def test_a_refusal_of_any_status_is_shown_where_the_answer_would_be(
    tab: Page,
    watch: Watch,
    live_server: LiveServer,
    model: RegisteredModel,
    member: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch.allow(*REFUSALS)
    sign_in(tab.context, live_server, member)
    tab.goto(live_server.url + reverse("predict", args=["acme", "churn"]))
    predict = tab.get_by_role("button", name="Predict", exact=True)
    predict.click()
    expect(tab.get_by_role("button", name="Look for changes")).to_be_visible()
    changed = tab.get_by_role("region", name="The answer for the changed values")
    hints = tab.get_by_role("region", name="What would have to change")

    for status, error in REFUSALS.items():

        def fail(*args: Any, _error: errors.MlwebError = error, **kwargs: Any) -> None:
            raise _error

        monkeypatch.setattr(predictions, "predict", fail)
        monkeypatch.setattr(counterfactuals, "find", fail)
        for button, region in [("Answer for these values", changed), ("Look for changes", hints)]:
            with tab.expect_response(lambda response, status=status: response.status == status):
                tab.get_by_role("button", name=button).click()
            expect(region.get_by_role("alert")).to_have_text(error.message)
    with tab.expect_response(lambda response: response.status == 503):
        predict.click()
    answer = tab.get_by_role("region", name="The answer", exact=True)
    expect(answer.get_by_role("alert")).to_have_text("The server is busy.")
    expect(answer.get_by_role("heading", name="No answer")).to_be_visible()


def test_a_busy_server_is_told_in_the_answer_and_the_next_try_is_answered(
    tab: Page,
    watch: Watch,
    live_server: LiveServer,
    model: RegisteredModel,
    member: User,
    settings: Settings,
) -> None:
    watch.allow(503)
    settings.PREDICTIONS_AT_ONCE = settings.PREDICTIONS_WAITING = 0
    sign_in(tab.context, live_server, member)
    tab.goto(live_server.url + reverse("predict", args=["acme", "churn"]))
    predict = tab.get_by_role("button", name="Predict", exact=True)
    answer = tab.get_by_role("region", name="The answer", exact=True)

    predict.click()
    expect(answer).to_contain_text("The server is busy with other predictions")
    settings.PREDICTIONS_AT_ONCE = 1
    predict.click()

    expect(answer.locator(".answer-label")).to_be_visible()


def test_of_an_error_page_its_sentence_is_shown_and_of_a_proxy_the_status(
    tab: Page,
    watch: Watch,
    live_server: LiveServer,
    model: RegisteredModel,
    member: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch.allow(404, 502)
    sign_in(tab.context, live_server, member)
    address = live_server.url + reverse("predict", args=["acme", "churn"])
    tab.goto(address)
    predict = tab.get_by_role("button", name="Predict", exact=True)
    answer = tab.get_by_role("region", name="The answer", exact=True)

    def vanish(*args: Any, **kwargs: Any) -> None:
        raise errors.NotFound("There is no version 1.")

    monkeypatch.setattr(predictions, "predict", vanish)
    predict.click()
    expect(answer).to_have_text(
        "The address is wrong, or its object was deleted, or you are not allowed to see it."
    )

    tab.route(
        address,
        lambda route: route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway</h1>"),
    )
    predict.click()
    expect(answer).to_have_text("The server answered with status 502. Load the page again and retry.")
    tab.unroute(address)
    # htmx tells the console of it, too.
    [logged] = watch.problems
    assert "Response Status Error Code 502" in logged
    watch.problems.clear()


def test_the_curve_of_another_column_is_drawn_in_place(
    tab: Page, live_server: LiveServer, model: RegisteredModel, member: User
) -> None:
    sign_in(tab.context, live_server, member)
    tab.goto(live_server.url + reverse("version-explain", args=["acme", "churn", 1]))

    for column in ("plan", "joined"):
        tab.get_by_label("Column", exact=True).select_option(label=column)
        drawing = tab.locator("#dependence-drawing")
        drawing.scroll_into_view_if_needed()
        expect(drawing.get_by_role("img")).to_have_accessible_name(
            f"Mean probability of <b>leave</b> for each value of {column}"
        )
        expect(drawing.locator(".chart .plot")).to_be_visible()
