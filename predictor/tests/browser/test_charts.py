"""Live charts in a browser: values at a point, zoom with round ticks, full screen, files."""

from __future__ import annotations

import struct
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from predictor.models import RegisteredModel, User, Workspace
from predictor.services.predictions import loaded_versions
from predictor.tests.browser.conftest import sign_in
from predictor.tests.web.served_versions import publish_served


@pytest.fixture
def roc(tab: Page, live_server: LiveServer, workspace: Workspace, member: User) -> Locator:
    loaded_versions.forget_all()
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    publish_served(model)
    sign_in(tab.context, live_server, member)
    tab.goto(live_server.url + reverse("version-charts", args=["acme", "churn", 1]))
    chart = tab.locator("#roc")
    chart.scroll_into_view_if_needed()
    return chart


def ticks(chart: Locator) -> list[str]:
    return chart.locator(".plot-tick").evaluate_all("all => all.map((each) => each.textContent)")


def test_the_pointer_and_the_keys_tell_values(tab: Page, roc: Locator) -> None:
    plot, tip = roc.locator(".plot"), roc.locator(".chart-tip")

    plot.hover()
    expect(tip).to_contain_text("false alarms: ")
    expect(tip).to_contain_text("<b>leave</b>: ")
    tab.mouse.move(0, 0)
    expect(tip).to_be_hidden()

    plot.press("ArrowRight")
    expect(tip).to_contain_text("false alarms: 0")
    plot.press("Escape")
    expect(tip).to_be_hidden()


def test_a_drag_zooms_to_round_ticks_and_everything_comes_back(tab: Page, roc: Locator) -> None:
    plot, show_all = roc.locator(".plot"), roc.locator(".chart-tools > [data-do=reset]")
    before = ticks(roc)
    box = plot.bounding_box()
    assert box

    expect(show_all).to_be_hidden()
    tab.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 100)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 120, steps=4)
    tab.mouse.up()
    expect(roc).to_have_attribute("data-zoomed", "yes")
    zoomed = ticks(roc)
    assert zoomed != before
    step = float(zoomed[-1]) - float(zoomed[-2])
    assert f"{step:.6e}"[:8] in ("1.000000", "2.000000", "5.000000")

    show_all.click()
    expect(show_all).to_be_hidden()
    assert ticks(roc) == before
    expect(plot).to_be_focused()

    plot.press("+")
    expect(roc).to_have_attribute("data-zoomed", "yes")
    plot.press("-")
    expect(roc).to_have_attribute("data-zoomed", "no")
    assert ticks(roc) == before


@pytest.mark.parametrize("words", ["Save as PNG", "Save as SVG", "Save data as CSV"])
def test_a_chart_is_saved(tab: Page, roc: Locator, words: str, tmp_path: Path) -> None:
    roc.locator(".chart-menu > summary").click()
    with tab.expect_download() as download:
        roc.get_by_role("button", name=words).click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    data = path.read_bytes()

    assert path.stem.startswith("ROC-curve")
    if path.suffix == ".png":
        assert data.startswith(b"\x89PNG")
        assert min(struct.unpack(">II", data[16:24])) > 300
    elif path.suffix == ".svg":
        root = ElementTree.fromstring(data)
        assert {"found", "false alarms"} <= {
            each.text for each in root.iter("{http://www.w3.org/2000/svg}text")
        }
        assert b"var(" not in data
        assert b"class=" not in data
    else:
        first, second, *_ = data.decode().split("\r\n")
        assert first == "series,false alarms,found"
        assert second == "<b>leave</b>,0,0"


def test_a_chart_fills_the_screen_and_returns(tab: Page, roc: Locator) -> None:
    plot = roc.locator(".plot")
    height, before = plot.get_attribute("height"), ticks(roc)

    plot.press("f")
    tab.wait_for_function("() => document.fullscreenElement && document.fullscreenElement.id === 'roc'")
    expect(roc.locator(".plot-window")).to_be_visible()
    # The script draws the same ticks as the server, and no fewer where there is more room.
    assert set(before) <= set(ticks(roc))
    plot.press("f")
    tab.wait_for_function("() => !document.fullscreenElement")

    expect(plot).to_have_attribute("height", str(height))


def test_a_bar_tells_its_words(roc: Locator, tab: Page) -> None:
    bars = tab.locator("#confusion")
    bars.locator(".plot").press("ArrowRight")

    expect(bars.locator(".chart-tip")).to_contain_text("actual: ")
    expect(bars.locator(".plot title")).to_have_count(0)
