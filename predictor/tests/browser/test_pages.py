"""Each page, light and dark, wide and narrow: no axe violation, no sideways scrolling, nothing in the console."""

from __future__ import annotations

import re
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from predictor.models import User
from predictor.tests.browser.conftest import Watch, sign_in
from predictor.tests.web.furnished import Furnished

LIGHT_WIDE = ("light", 1280)
DARK_NARROW = ("dark", 390)
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
# The rules that depend on colours and width; the others were checked in LIGHT_WIDE on the same document.
RULES_OF_LOOKS = {
    "runOnly": {"type": "rule", "values": ["color-contrast", "scrollable-region-focusable", "target-size"]},
    "resultTypes": ["violations"],
}
GO_ON = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def addresses(at: Furnished) -> dict[str, str]:
    """The URLs of all pages that an admin of the workspace can open."""

    def of(name: str, *args: Any) -> str:
        return reverse(name, args=["acme", *args])

    runs = {f"run, {status}": of("training-run-detail", run.pk) for status, run in at.runs.items()}
    return {
        "overview": of("workspace"),
        "datasets": of("dataset-list"),
        "nothing found": of("dataset-list") + "?q=nothing-like-this",
        "upload": of("dataset-upload"),
        "dataset": of("dataset-detail", at.dataset.pk),
        "rows": of("dataset-rows", at.dataset.pk),
        "rows, filtered": of("dataset-rows", at.dataset.pk) + "?c1.missing=no&sort=-c1&facets=1",
        "rows, none": of("dataset-rows", at.dataset.pk) + "?c1.missing=no&c1.missing=yes&q=nothing-like-this",
        "reading": of("column-reading", at.dataset.pk, 5),
        "reading, tried": of("column-reading", at.dataset.pk, 5) + "?kind=boolean",
        "delete": of("dataset-delete", at.dataset.pk),
        "train": of("training-run-create", at.dataset.pk),
        "train again": of("training-run-create", at.dataset.pk) + f"?again={at.runs['failed'].pk}",
        "runs": of("training-run-list"),
        **runs,
        "models": of("model-list"),
        "model": of("model-detail", "churn"),
        **{f"model, {tab}": of(f"model-{tab}", "churn") for tab in ("versions", "monitor", "rules", "api")},
        "version": of("version-detail", "churn", 1),
        **{
            f"version, {tab}": of(f"version-{tab}", "churn", 1)
            for tab in ("charts", "explain", "data", "details")
        },
        "all batches": of("activity-batches"),
        "settings": of("settings"),
        "card": of("version-card", "churn", 1),
        "compare": of("version-compare", "churn") + "?version=1&version=2",
        "choose to compare": of("version-compare", "churn"),
        "threshold": of("version-threshold", "churn", 1) + "?value=0.4",
        "promote": of("alias-set", "churn", "champion") + "?version=2",
        "predict": of("predict", "churn"),
        "form settings": of("form-settings", "churn"),
        "form field": of("form-field", "churn", 0),
        "published forms": of("published-form-list", "churn"),
        "predict a CSV": of("predict-csv", "churn"),
        "batches": of("batch-list", "churn"),
        "batch": of("batch-detail", "churn", at.batch.pk),
        "log": of("prediction-list"),
        "actual values": of("actuals"),
        "logged": of("prediction-detail", at.log.pk),
        "members": of("member-list"),
        "add a member": of("member-add"),
        "tokens": reverse("token-list"),
        "new token": reverse("token-create"),
        "password": reverse("account_change_password"),
        "search": of("search") + "?q=chu",
        "trash": of("trash"),
        "delete for good": of("trash-delete", at.trashed.pk),
        "comment": of("comment", at.comment.pk),
        "help": reverse("help"),
        "help of a page": reverse("help-page", args=["version"]),
        "glossary": reverse("glossary"),
        "notices": reverse("notice-list"),
        "notices by mail": reverse("notice-settings"),
    }


def faults_of(tab: Page, name: str) -> list[str]:
    """Accessibility violations and overflow of the page, in the light wide and the dark narrow layout."""
    found = []
    tab.evaluate(AXE_SCRIPT)
    for (scheme, width), rules in ((LIGHT_WIDE, RULES), (DARK_NARROW, RULES_OF_LOOKS)):
        tab.emulate_media(color_scheme=scheme)
        tab.set_viewport_size({"width": width, "height": 900})
        expect(tab.locator("html")).to_have_attribute("data-bs-theme", scheme)
        excess = tab.evaluate(GO_ON)
        if excess > 0:
            found.append(f"{name}, {scheme}: {excess} px too wide")
        for fault in tab.evaluate("rules => axe.run(rules).then(results => results.violations)", rules):
            first = fault["nodes"][0]
            why = (first["any"] or first["all"] or first["none"] or [{}])[0].get("message", "")
            found.append(f"{name}, {scheme}: {fault['id']} at {first['html'][:160]} ({why})")
    return found


def test_every_page_is_accessible(
    tab: Page, window: BrowserContext, live_server: LiveServer, furnished: Furnished, admin: User
) -> None:
    sign_in(window, live_server, admin)
    faults = []

    for name, address in addresses(furnished).items():
        tab.goto(live_server.url + address)
        faults += faults_of(tab, name)

    assert faults == []


IN_BOTH_LANGUAGES = ("overview", "upload", "rows", "train", "batch", "members", "new token")


def test_pages_are_accessible_in_chinese(
    tab: Page, window: BrowserContext, live_server: LiveServer, furnished: Furnished, admin: User
) -> None:
    window.add_cookies([{"name": "django_language", "value": "zh-hans", "url": live_server.url}])
    sign_in(window, live_server, admin)
    faults = []

    for name in IN_BOTH_LANGUAGES:
        tab.goto(live_server.url + addresses(furnished)[name])
        expect(tab.locator("html")).to_have_attribute("lang", "zh-hans")
        expect(tab.locator(".language-switch [aria-current]")).to_have_text("简体中文")
        faults += faults_of(tab, name)

    assert faults == []


def test_empty_pages_and_the_sign_in_page_are_accessible(
    tab: Page, window: BrowserContext, live_server: LiveServer, member: User
) -> None:
    tab.goto(live_server.url)
    faults = faults_of(tab, "sign in")
    sign_in(window, live_server, member)

    for name in ("workspace", "dataset-list", "training-run-list", "model-list", "prediction-list"):
        tab.goto(live_server.url + reverse(name, args=["acme"]))
        faults += faults_of(tab, f"empty {name}")

    assert faults == []


def test_a_missing_page_is_still_a_page(
    tab: Page, watch: Watch, live_server: LiveServer, member: User
) -> None:
    watch.allow(404)
    sign_in(tab.context, live_server, member)

    tab.goto(live_server.url + "/w/nowhere/")

    assert faults_of(tab, "404") == []


def test_the_colours_follow_the_switch_and_are_kept(tab: Page, live_server: LiveServer, db: None) -> None:
    root = tab.locator("html")
    tab.emulate_media(color_scheme="light")
    tab.goto(live_server.url + reverse("account_login"))
    expect(root).to_have_attribute("data-bs-theme", "light")

    tab.get_by_role("button", name="Dark").click()
    tab.reload()
    expect(root).to_have_attribute("data-bs-theme", "dark")
    tab.get_by_role("button", name="As the system").click()

    expect(root).to_have_attribute("data-bs-theme", "light")


def test_the_navigation_opens_on_a_phone(tab: Page, live_server: LiveServer, member: User) -> None:
    sign_in(tab.context, live_server, member)
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.goto(live_server.url + reverse("workspace", args=["acme"]))

    tab.get_by_role("button", name="Menu").click()
    tab.get_by_role("link", name="Data", exact=True).click()

    tab.wait_for_url(re.compile("/datasets/$"))


def test_charts_are_drawn_with_their_numbers_beneath_and_follow_the_theme(
    tab: Page, live_server: LiveServer, furnished: Furnished, admin: User
) -> None:
    sign_in(tab.context, live_server, admin)
    tab.goto(live_server.url + reverse("version-charts", args=["acme", "churn", 1]))
    charts = tab.locator(".chart")

    for chart in charts.all():
        chart.scroll_into_view_if_needed()
        expect(chart.locator(".plot")).to_be_visible()
    ink = "getComputedStyle(document.querySelector('.plot .plot-tick')).fill"
    light = tab.evaluate(ink)
    tab.emulate_media(color_scheme="dark")
    tab.wait_for_function(f"(light) => {ink} !== light", arg=light)
    tab.locator(".numbers > summary").first.click()

    assert charts.count() >= 3
    expect(tab.locator(".numbers table").first).to_be_visible()
