"""Each code snippet of a model's page is run unchanged against a real server; our client also asks for a horizon."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlweb_client
import pytest
from django.conf import settings
from django.http import HttpRequest
from django.test import Client as Browser
from django.test import RequestFactory
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from predictor.models import PredictionLog, RegisteredModel, Scope, User, Workspace
from predictor.services import registry
from predictor.services.accounts import tokens
from predictor.services.predictions import loaded_versions
from predictor.tests.services.forecast_versions import forecast_version
from predictor.tests.waiting import HANG_SECONDS
from predictor.tests.web.served_versions import publish_served
from predictor.web.registry.snippets import TOKEN, mlflow, snippets, triton

HERE = Path(__file__).parent
EVIL = ["it's", 'say "hi"', "Łódź 北京", "$HOME `id` \\ %s", "</script><script>alert(1)</script>", "a\tb"]
RUNNERS = {
    "curl": ["sh", "-c"],
    "javascript": ["node", "--input-type=module", "-e"],
    **{key: [sys.executable, "-W", "ignore", "-c"] for key in ("client", "python", "triton", "mlflow")},
}


@dataclass(frozen=True)
class Served:
    """A model on a live server, and its snippets with a real token filled in."""

    model: RegisteredModel
    codes: dict[str, str]
    token: str

    def run(self, key: str) -> str:
        program, *options = RUNNERS[key]
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
        paths = [str(settings.BASE_DIR / "predictor_client" / "src"), str(HERE / "stand_ins")]
        done = subprocess.run(
            [program, *options, self.codes[key]],
            capture_output=True,
            text=True,
            timeout=HANG_SECONDS,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "NO_PROXY": "*"},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def served(
    request: pytest.FixtureRequest, live_server: LiveServer, workspace: Workspace, member: User
) -> Served:
    """linear: column names with quotes; mixed: classes, with columns of every role; forecast: future dates."""
    loaded_versions.forget_all()
    if request.param == "linear":
        version = registry.register_linear(
            workspace=workspace, name="evil", coefficients=[0.5] * len(EVIL), intercept=1.0, feature_names=EVIL,
            by=member,
        )  # fmt: skip
    else:
        make = publish_served if request.param == "mixed" else forecast_version
        version = make(RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn"))
    token = tokens.create_token(user=member, workspace=workspace, name="t", scopes=[Scope.PREDICT]).plaintext
    asked = requested(live_server.url)
    found = snippets(asked, version.registered_model, version)
    codes = {each.key: each.code.replace(TOKEN, token) for each in found}
    return Served(version.registered_model, codes, token)


def requested(url: str) -> HttpRequest:
    return RequestFactory().get("/", headers={"host": url.partition("://")[2]})


@pytest.mark.parametrize(
    ("served", "key"),
    [
        *(("linear", key) for key in RUNNERS),
        *((kind, key) for kind in ("mixed", "forecast") for key in ("javascript", "triton", "mlflow")),
    ],
    indirect=["served"],
)
def test_a_snippet_runs_and_prints_what_the_service_answers(served: Served, key: str) -> None:
    printed = served.run(key)

    logged = PredictionLog.objects.get()
    wanted = logged.output["prediction"]
    if key == "curl":
        assert f'"prediction":{wanted}' in printed or f'"prediction":"{wanted}"' in printed
    elif isinstance(wanted, float):
        assert float(printed) == wanted
    else:
        assert printed == wanted
    assert logged.warnings == [], logged.warnings


@pytest.mark.parametrize("served", ["forecast"], indirect=True)
def test_our_client_forecasts_a_horizon(served: Served, live_server: LiveServer) -> None:
    newer = [{"month": "2024-01-01", "shop": "south", "sold": 500.0}]
    with mlweb_client.Client(live_server.url, served.token, workspace="acme") as api:
        first, second = api.predict("churn", horizon=2, group="south", coverage=0.8)
        (after,) = api.predict("churn", horizon=1, group="south", history=newer)

    assert first.row == {"month": "2024-01-01", "shop": "south"}
    assert first.interval is not None
    assert first.interval.coverage == 0.8
    assert after.row == second.row == {"month": "2024-02-01", "shop": "south"}
    assert after.prediction != second.prediction


def test_the_page_shows_them_as_text(
    client: Browser, live_server: LiveServer, workspace: Workspace, viewer: User
) -> None:
    registry.register_linear(
        workspace=workspace, name="evil", coefficients=[1.0] * len(EVIL), feature_names=EVIL, by=viewer,
        intercept=0.0,
    )  # fmt: skip
    client.force_login(viewer)

    page = client.get(reverse("model-api", args=["acme", "evil"])).content.decode()

    assert "<script>alert(1)" not in page
    assert page.count('role="tabpanel"') == len(RUNNERS)
    assert page.count('role="tab"') == len(RUNNERS)


@pytest.mark.parametrize("write", [triton, mlflow])
def test_behind_https_no_snippet_sends_the_token_in_the_clear(
    write: Callable[..., str], workspace: Workspace, member: User
) -> None:
    version = registry.register_linear(
        workspace=workspace, name="m", coefficients=[1.0], intercept=0.0, by=member
    )
    given: Any = version.signature if write is triton else {"x1": 1}

    code = write("https://mlweb.example.org", "acme", "m", given)

    ast.parse(code)
    assert "http://" not in code
    assert "ssl=True" in code or "https://mlweb.example.org/serve/acme/models/m/invocations" in code
