"""Each page of the admin, light and dark, wide and narrow: no axe violation, no sideways scrolling."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from predictor.models import User
from predictor.services import registry
from predictor.services.accounts import tokens
from predictor.services.predictions import published_forms
from predictor.services.registry import form_settings
from predictor.tests.browser.conftest import Watch, sign_in
from predictor.tests.browser.test_pages import DARK_NARROW, GO_ON, LIGHT_WIDE, RULES, RULES_OF_LOOKS
from predictor.tests.web.furnished import Furnished
from predictor.tests.web.test_admin import NOUNS, reading_change_of

LOOKS = (LIGHT_WIDE, DARK_NARROW)
BY_WIDTH = """() => [...document.querySelectorAll("*")]
  .filter(each => each.getBoundingClientRect().right > innerWidth + 1).map(each => each.outerHTML.slice(0, 90))
  .slice(0, 3)"""


def admin_faults(tab: Page, name: str) -> list[str]:
    found = []
    tab.evaluate(AXE_SCRIPT)
    for place, (scheme, width) in enumerate(LOOKS):
        tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        tab.set_viewport_size({"width": width, "height": 900})
        if tab.evaluate(GO_ON) > 0:
            found.append(f"{name}, {scheme}, {width}: too wide: {tab.evaluate(BY_WIDTH)}")
        # Without the preloading of style sheets, which fails at those of the page that the policy blocks.
        rules = {**(RULES_OF_LOOKS if place else RULES), "preload": False}
        for fault in tab.evaluate("rules => axe.run(rules).then(results => results.violations)", rules):
            found.append(f"{name}, {scheme}, {width}: {fault['id']} at {fault['nodes'][0]['html'][:160]}")
    return found


def test_every_page_of_the_admin_is_accessible(
    tab: Page,
    window: BrowserContext,
    watch: Watch,
    live_server: LiveServer,
    furnished: Furnished,
    admin: User,
) -> None:
    admin.is_staff = admin.is_superuser = True
    admin.save()
    version = furnished.model.versions.get(number=1)
    registry.set_alias(registered_model=furnished.model, alias="champion", model_version=version, by=admin)
    registry.update_model(
        registered_model=furnished.model, name="Churn of customers", description="x", by=admin
    )
    tokens.create_token(user=admin, workspace=furnished.model.workspace, name="nightly", scopes=["read"])
    reading_change_of(version)
    fields = {version.signature.names[0]: {"label": "L"}}
    form_settings.change(registered_model=furnished.model, fields=fields, by=admin)
    published_forms.create(registered_model=furnished.model, new=published_forms.NewForm("T"), by=admin)
    sign_in(window, live_server, admin)
    faults = []

    paths = ["", "password_change/", "auth/group/", "auth/group/add/", "predictor/"]
    for noun in NOUNS:
        paths.append(f"predictor/{noun}/")
        tab.goto(f"{live_server.url}/admin/predictor/{noun}/")
        link = tab.locator("#result_list tbody a[href*='/change/']").first.get_attribute("href")
        assert link
        start = link.split("/admin/")[1]
        paths.append(start)
        paths.append(start.replace("/change/", "/history/"))
        if noun in ("user", "membership"):
            paths.append(start.replace("/change/", "/delete/"))
            paths.append(f"predictor/{noun}/add/")
    paths.append("predictor/registeredmodel/?q=nothing")

    for path in paths:
        tab.goto(f"{live_server.url}/admin/{path}")
        faults += admin_faults(tab, path or "index")

    assert faults == []
    # Django's own templates have inline styles, which our policy blocks; nothing of them is missed.
    watch.problems[:] = [
        each for each in watch.problems if "inline style" not in each and "widgets.css" not in each
    ]
