from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from predictor.ml.types.schema import FeatureField, Role
from predictor.models import ModelVersion, PredictionLog, RegisteredModel, User, Workspace
from predictor.services import registry
from predictor.tests import predicting
from predictor.tests.web.prediction_pages import form_data, log_row, unescaped, url
from predictor.tests.web.served_versions import EVIL_CATEGORY, EVIL_NUMBER, FIELDS, ROW, SIGNATURE
from predictor.web.pages.value_texts import number_of, text_of
from predictor.web.predictions.row_form import RowForm

PAGES = [
    ("predict", ("article",)),
    ("predict-csv", ("article",)),
    ("predict-csv-download", ("article", "some-key")),
    ("prediction-list", ()),
    ("prediction-export", ()),
    ("prediction-detail", (uuid.UUID(int=1),)),
]


@pytest.mark.parametrize(("name", "args"), PAGES)
def test_anonymous_is_sent_to_sign_in(client: Client, linear: ModelVersion, name: str, args: Any) -> None:
    response = client.get(url(name, *args))

    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize(("name", "args"), PAGES)
def test_another_workspace_answers_like_a_missing_one(
    client: Client, stranger: User, linear: ModelVersion, name: str, args: Any
) -> None:
    log_row(linear, id=uuid.UUID(int=1))
    client.force_login(stranger)

    assert client.get(url(name, *args)).status_code == 404
    if name in ("predict", "predict-csv"):
        assert client.post(url(name, *args), {"f0": "1"}).status_code == 404
    assert PredictionLog.objects.count() == 1


def test_the_form_shows_what_training_saw_and_a_typical_row(
    client: Client, viewer: User, version: ModelVersion, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(viewer)

    with django_assert_max_num_queries(12):
        page = client.get(url("predict", "churn")).content.decode()

    assert "18 to 90 · whole" in page
    assert 'type="date"' in page
    assert 'list="f4-list"' in page  # 60 shops: typed, with suggestions
    data = form_data(page)
    assert data["f0"] == "40"
    assert data["f1"] == "true"
    assert data["f2"] == "2020-06-07"
    assert data["f3"] == "basic"


def test_names_of_fields_never_come_from_columns(client: Client, viewer: User, version: ModelVersion) -> None:
    client.force_login(viewer)

    page = client.get(url("predict", "churn")).content.decode()

    assert EVIL_NUMBER not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert EVIL_CATEGORY in page
    sent = set(re.findall(r'name="([^"]*)"', page[page.index('id="row-form"') : page.index("</main>")]))
    assert sent == {
        "csrfmiddlewaretoken",
        "version",
        "made_for",
        "coverage",
        "do",
        *(f"f{n}" for n in range(len(FIELDS))),
    }


def test_a_logged_row_through_the_form_gets_the_same_answer_as_by_the_service(
    client: Client, viewer: User, member: User, version: ModelVersion, model: RegisteredModel
) -> None:
    direct = predicting.predict(model, rows=[ROW], explain=True, by=member)
    logged = direct.predictions[0]
    client.force_login(viewer)

    page = client.get(url("predict", "churn"), {"from": str(logged.id)}).content.decode()
    response = client.post(url("predict", "churn"), form_data(page))

    again = PredictionLog.objects.get(source="form")
    assert response.status_code == 200
    assert again.inputs == ROW
    assert again.output == logged.output
    assert again.actor == viewer
    assert again.request_id == response["X-Request-ID"]


def test_the_answer_shows_label_probabilities_version_and_entry(
    client: Client, viewer: User, version: ModelVersion
) -> None:
    client.force_login(viewer)
    data = form_data(client.get(url("predict", "churn")).content.decode())

    page = client.post(url("predict", "churn"), {**data, "f0": "30"}).content.decode()

    row = PredictionLog.objects.get()
    assert "&lt;b&gt;leave&lt;/b&gt;" in page
    assert "<b>leave" not in page
    assert page.count('<svg class="bar"') == 2
    assert url("version-detail", "churn", 1) in page
    assert url("prediction-detail", row.pk) in page
    assert "ms</dd>" in page
    assert "curl http://testserver/api/v1/acme/models/churn/predictions" in unescaped(page)


def test_htmx_gets_the_answer_alone(client: Client, viewer: User, linear: ModelVersion) -> None:
    client.force_login(viewer)

    page = client.post(url("predict", "article"), {"f0": "1", "f1": "2"}, headers={"HX-Request": "true"})

    assert "-0.4" in page.content.decode()
    assert "<html" not in page.content.decode()


def test_an_error_is_shown_at_its_field_and_the_typed_values_stay(
    client: Client, viewer: User, linear: ModelVersion
) -> None:
    client.force_login(viewer)

    response = client.post(url("predict", "article"), {"f0": "abc", "f1": "2"})

    page = response.content.decode()
    assert response.status_code == 400
    assert "Row 1, column “x1”: “abc” is not a number" in page
    assert re.search(r'id="f0-error">“abc” is not a number', page)
    assert form_data(page)["f0"] == "abc"
    assert not PredictionLog.objects.exists()


def test_doubtful_values_are_answered_with_warnings_by_column(
    client: Client, viewer: User, version: ModelVersion
) -> None:
    client.force_login(viewer)
    data = form_data(client.get(url("predict", "churn")).content.decode())

    page = client.post(url("predict", "churn"), {**data, "f0": "900", "f4": "elsewhere", "f3": ""})

    text = page.content.decode()
    assert page.status_code == 200
    assert ">age</strong>" in text
    assert ">shop</strong>" in text
    assert PredictionLog.objects.get().inputs["plan"] is None


def test_a_version_is_chosen_by_number_or_alias(
    client: Client, viewer: User, member: User, linear: ModelVersion, workspace: Workspace
) -> None:
    registry.register_linear(workspace=workspace, name="article", coefficients=[1, 1], intercept=0, by=member)
    client.force_login(viewer)

    by_number = client.post(url("predict", "article"), {"version": "2", "f0": "1", "f1": "2"})
    by_alias = client.post(url("predict", "article"), {"version": "champion", "f0": "1", "f1": "2"})

    assert '<p class="answer-label wrap">3</p>' in by_number.content.decode()
    assert '<p class="answer-label wrap">-0.4</p>' in by_alias.content.decode()
    assert client.get(url("predict", "article"), {"version": "9"}).status_code == 404
    assert client.post(url("predict", "article"), {"version": "no such"}).status_code == 404


def test_values_go_by_column_name_when_an_alias_moved_meanwhile(
    client: Client, viewer: User, member: User, linear: ModelVersion, workspace: Workspace
) -> None:
    """The form was made for version 1 (x1, x2); version 2 takes them in the other order."""
    second = registry.register_linear(
        workspace=workspace, name="article", coefficients=[10, 1], intercept=0, by=member,
        feature_names=["x2", "x1"],
    )  # fmt: skip
    client.force_login(viewer)
    data = form_data(client.get(url("predict", "article")).content.decode())
    registry.set_alias(
        registered_model=linear.registered_model, alias="champion", model_version=second, by=member
    )

    page = client.post(url("predict", "article"), {**data, "f0": "1", "f1": "2"}).content.decode()

    assert '<p class="answer-label wrap">21</p>' in page


def test_an_archived_version_does_not_answer_and_says_so(
    client: Client, viewer: User, member: User, linear: ModelVersion, workspace: Workspace
) -> None:
    second = registry.register_linear(
        workspace=workspace, name="article", coefficients=[1, 1], intercept=0, by=member
    )
    registry.archive(model_version=second, by=member)
    client.force_login(viewer)

    response = client.post(url("predict", "article"), {"version": "2", "f0": "1", "f1": "2"})

    assert response.status_code == 409
    assert "archived" in response.content.decode()


def test_a_model_without_champion_says_what_to_do(
    client: Client, viewer: User, model: RegisteredModel
) -> None:
    client.force_login(viewer)

    assert "No version serves yet" in client.get(url("predict", "churn")).content.decode()


@pytest.mark.parametrize("key", ["nonsense", str(uuid.UUID(int=5))])
def test_a_row_that_is_not_in_the_log_cannot_fill_the_form(
    client: Client, viewer: User, linear: ModelVersion, key: str
) -> None:
    client.force_login(viewer)

    assert client.get(url("predict", "article"), {"from": key}).status_code == 404


@pytest.mark.parametrize(
    ("text", "value"),
    [("", None), (" 30 ", 30), ("-1.50", -1.5), ("1e3", 1000.0), ("1e999", "1e999"), ("nan", "nan"),
     ("1,5", "1,5"), ("٣", "٣"), ("0x10", "0x10"), (".5", 0.5)],
)  # fmt: skip
def test_numbers_are_read_strictly_and_the_rest_is_left_to_the_service(text: str, value: Any) -> None:
    assert number_of(text) == value
    assert type(number_of(text)) is type(value)


@pytest.mark.parametrize(
    ("role", "value", "text"),
    [
        (Role.NUMERIC, 3.0, "3"),
        (Role.NUMERIC, 0.1, "0.1"),
        (Role.NUMERIC, None, ""),
        (Role.BOOLEAN, True, "true"),
        (Role.BOOLEAN, 0, "false"),
        (Role.CATEGORICAL, 5.0, "5"),
        (Role.CATEGORICAL, " pro ", " pro "),
        (Role.DATETIME, "2021-02-03T04:05:06+02:00", "2021-02-03T02:05:06"),
        (Role.DATETIME, "last week", "last week"),
        (Role.TEXT, [1], "[1]"),
    ],
)
def test_logged_values_fill_the_form_unchanged(role: Role, value: Any, text: str) -> None:
    assert text_of(FeatureField("c", role, minimum="2021-01-01T10:00:00"), value) == text


def test_a_date_that_no_picker_holds_is_shown_as_text() -> None:
    row = {"joined": "2021-02-03T04:05:06.789"}

    shown = {each.label: each for each in RowForm(SIGNATURE, row=row).inputs}["joined"]

    assert (shown.kind, shown.text) == ("line", "2021-02-03T04:05:06.789000")


def test_a_long_row_shows_first_what_matters_most() -> None:
    fields = tuple(FeatureField(f"c{number}", Role.NUMERIC) for number in range(30))
    signature = SIGNATURE.__class__("y", SIGNATURE.task, fields, SIGNATURE.classes)

    form = RowForm(signature, importance={"c29": 1.0, "c7": 0.5})

    assert [each.label for each in form.first_inputs][:2] == ["c29", "c7"]
    assert [each.html_name for each in form.first_inputs][:2] == ["f29", "f7"]
    assert len(form.first_inputs) + len(form.more_inputs) == 30
