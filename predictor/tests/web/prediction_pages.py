"""Helpers for the tests of prediction pages."""

from __future__ import annotations

import re
from typing import Any

from django.urls import reverse
from django.utils import timezone

from predictor.models import ModelVersion, PredictionLog


def url(name: str, *args: Any) -> str:
    return reverse(name, args=["acme", *args])


def log_row(version: ModelVersion, **more: Any) -> PredictionLog:
    fields: dict[str, Any] = {
        "workspace_id": version.registered_model.workspace_id,
        "model_version": version,
        "request_id": "r-1",
        "source": "api",
        "inputs": {"x1": 1, "x2": 2},
        "output": {"prediction": -0.4},
        "latency_ms": 1.0,
        "created_at": timezone.now(),
    }
    return PredictionLog.objects.create(**{**fields, **more})


def form_data(page: str) -> dict[str, str]:
    """The form data that a browser would send for the unchanged page."""
    form = page[page.index('id="row-form"') :]
    form = form[: form.index("</form>")]
    data = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and (("checkbox" not in tag and "radio" not in tag) or " checked" in tag):
            data[name[1]] = unescaped(value[1] if value else "")
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        data[name] = unescaped(chosen[1]) if chosen else ""
    for name, text in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>\n?(.*?)</textarea>', form, re.S):
        data[name] = unescaped(text)
    return data


def unescaped(text: str) -> str:
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#x27;", "'"), ("&amp;", "&")):
        text = text.replace(entity, character)
    return text
