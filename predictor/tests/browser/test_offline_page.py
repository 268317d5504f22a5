"""The offline page, opened from the disk: no server, no network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from predictor.models import ModelVersion, RegisteredModel, User, Workspace
from predictor.services.registry import portable
from predictor.tests import predicting
from predictor.tests.serve.test_faces import drawn, shown
from predictor.tests.web.served_versions import FIELDS, publish_served

COLUMNS = "%(n)s columns. This file needs no network and sends nothing."


@pytest.fixture
def version(workspace: Workspace) -> ModelVersion:
    return publish_served(RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn"))


@pytest.fixture
def alone(chromium: Browser) -> Iterator[Page]:
    """An offline tab; a request or a console error fails the test."""
    context = chromium.new_context(offline=True)
    page, faults = context.new_page(), []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "request", lambda request: faults.append(request.url) if not request.url.startswith("file:") else None
    )
    page.on("dialog", lambda dialog: (faults.append("a dialog"), dialog.dismiss()))
    yield page
    context.close()
    assert faults == []


def opened(page: Page, content: bytes, folder: Path) -> None:
    path = folder / "model.html"
    path.write_bytes(content)
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")


def test_it_predicts_from_the_disk_as_the_service_does(
    alone: Page, version: ModelVersion, member: User, tmp_path: Path
) -> None:
    rows = [drawn(seed) for seed in range(40)]
    answer = predicting.predict(version.registered_model, rows=rows, by=member)
    opened(alone, portable.offline_page(version).content, tmp_path)

    assert "gives the stored answers" in alone.inner_text("#state")
    texts = [list(shown(row).values()) for row in rows]
    found: Any = alone.evaluate("(rows) => rows.map((texts) => globalThis.mlweb.answer(texts))", texts)

    for own, wanted in zip(found, answer.predictions, strict=True):
        assert own["prediction"] == wanted.prediction
        assert own["probabilities"] == pytest.approx(list((wanted.probabilities or {}).values()), rel=1e-6)
        assert wanted.prediction_set is not None
        assert own["set"] == wanted.prediction_set["classes"]
    alone.get_by_label("age", exact=True).fill("old")
    alone.keyboard.press("Enter")
    assert "this is not a number" in alone.inner_text("#fields")
    alone.get_by_label("age", exact=True).fill("33")
    alone.keyboard.press("Enter")
    assert alone.inner_text("#prediction") in ("stay", "<b>leave</b>")
    assert alone.locator("#fields label").all_inner_texts() == [field.name for field in FIELDS]
    for width in (390, 1280):
        alone.set_viewport_size({"width": width, "height": 900})
        assert alone.evaluate("document.documentElement.scrollWidth") <= width


def test_it_speaks_the_language_of_who_downloaded_it(
    alone: Page, version: ModelVersion, tmp_path: Path
) -> None:
    chinese = {
        "Predict": "预测",
        "this is not a number": "这不是数字",
        f"Predicts %(target)s from {COLUMNS}": "%(n)s 列预测 %(target)s",
        f"Answers from {COLUMNS}": "%(n)s 列",
        "One of the values cannot be used; it is marked.": "</script>有一个值无法使用",
    }
    page = portable.offline_page(version, language="zh-hans", say=lambda text: chinese.get(text, text))
    opened(alone, page.content, tmp_path)

    assert alone.locator("html").get_attribute("lang") == "zh-hans"
    assert f"{len(FIELDS)} 列" in alone.inner_text(".lead")
    assert alone.inner_text("#predict") == "预测"
    alone.get_by_label("age", exact=True).fill("old")
    alone.keyboard.press("Enter")
    assert "这不是数字" in alone.inner_text("#fields")
    assert alone.inner_text("#answer") == "</script>有一个值无法使用"
    assert "gives the stored answers" in alone.inner_text("#state")  # what is not translated is English


def test_it_refuses_to_predict_when_the_stored_answers_differ(
    alone: Page, version: ModelVersion, tmp_path: Path
) -> None:
    page = portable.offline_page(version).content
    changed = page.replace(b'"answers":[[', b'"answers":[[9', 1)
    assert changed != page
    opened(alone, changed, tmp_path)

    assert "This page will not predict. This browser computes other answers" in alone.inner_text("#state")
    assert alone.locator("#predict").is_disabled()
