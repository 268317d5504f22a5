from __future__ import annotations

from io import BytesIO

import pytest
from django.test import Client

from predictor.models import ModelVersion, PredictionLog, RegisteredModel, TrainingRun, User, Workspace
from predictor.services import datasets, registry
from predictor.tests import predicting

LOG = "/w/acme/predictions/"


@pytest.fixture
def browser(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def version(workspace: Workspace, admin: User) -> ModelVersion:
    return registry.register_linear(
        workspace=workspace, name="article", coefficients=[0.5, 0.3], intercept=-1.5, by=admin
    )


def test_a_misspelt_filter_of_a_list_is_named(browser: Client, version: ModelVersion) -> None:
    shown = browser.get(LOG, {"modle": "article"}).content.decode()

    assert "In the address “modle” is not known; did you mean “model”? It was ignored." in shown


def test_an_unknown_status_or_order_is_named(browser: Client) -> None:
    runs = browser.get("/w/acme/runs/", {"status": "runing"}).content.decode()
    tables = browser.get("/w/acme/datasets/", {"sort": "nmae"}).content.decode()

    assert "“runing” is not known; did you mean “running”? It was ignored." in runs
    assert "“nmae” is not known; did you mean “name”? It was ignored." in tables


def test_names_that_other_sites_add_to_links_are_ignored(browser: Client) -> None:
    shown = browser.get("/w/acme/datasets/", {"utm_source": "mail", "gclid": "1", "fbclid": "2"}).content

    assert b"is not known" not in shown


def test_a_file_is_refused_where_a_page_would_say_that_a_filter_was_ignored(
    browser: Client, version: ModelVersion
) -> None:
    refused = browser.get(f"{LOG}export/", {"format": "csv", "sorce": "api"})

    assert refused.status_code == 400
    assert "“sorce” is not known; did you mean “source”?" in refused.content.decode()
    assert browser.get(f"{LOG}export/", {"format": "csv", "source": "api", "utm_id": "1"}).status_code == 200


def test_a_refused_form_does_nothing(browser: Client, workspace: Workspace, admin: User) -> None:
    dataset = datasets.import_csv(
        workspace=workspace, source=BytesIO(b"a,y\n" + b"1,2\n2,3\n" * 20), filename="t.csv", by=admin
    )
    form = {"target": "y", "estimator": "ridge", "registered_model": "m", "effort": "quick", "seed": "0"}

    refused = browser.post(f"/w/acme/datasets/{dataset.pk}/train/", {**form, "targt": "y"})
    other = browser.post(f"/w/acme/datasets/{dataset.pk}/train/", {**form, "role-2": "text"})

    assert "“targt” is not known; did you mean “target”? Nothing was done." in refused.content.decode()
    assert (refused.status_code, other.status_code) == (400, 400)  # the table has no third column
    assert TrainingRun.objects.count() == 0


def test_the_training_form_takes_what_an_earlier_choice_left_in_it(
    browser: Client, workspace: Workspace, admin: User
) -> None:
    """Without JavaScript the fields of another estimator or task are still in the form when it is sent."""
    dataset = datasets.import_csv(
        workspace=workspace, source=BytesIO(b"a,y\n" + b"1,2\n2,3\n" * 20), filename="t.csv", by=admin
    )
    form = {
        "target": "y", "estimator": "ridge", "registered_model": "m", "effort": "quick", "seed": "0",
        "task": "", "split": "", "budget_seconds": "", "param-random_forest-n_estimators": "100",
        "horizon": "", "threshold-by": "", "role-0": "", "role-1": "", "joined-0": "on", "refresh": "",
    }  # fmt: skip

    assert browser.post(f"/w/acme/datasets/{dataset.pk}/train/", form).status_code == 200


def test_the_link_of_a_batch_shows_its_rows_alone(
    browser: Client, version: ModelVersion, admin: User
) -> None:
    model = RegisteredModel.objects.get()
    predicting.predict(model, [{"x1": 1, "x2": 2}])
    batch = predicting.start_batch(model, [{"x1": 3, "x2": 4}], by=admin)
    PredictionLog.objects.update(request_id="another")

    shown = browser.get(LOG, {"request_id": batch.request_id})

    assert "is not known" not in shown.content.decode()
    assert list(shown.context["lines"]) == []
    assert len(browser.get(LOG, {"request_id": "another"}).context["lines"]) == 1
