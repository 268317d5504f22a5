"""The panels below an answer: what-if, nearest training rows, counterfactuals."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils.translation import gettext_lazy

from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.models import ModelVersion, PredictionLog, User
from predictor.tests.web.prediction_pages import form_data, unescaped, url
from predictor.tests.web.served_versions import CLASSES, EVIL_NUMBER, SIGNATURE
from predictor.web.predictions.counterfactuals import ShownHint
from predictor.web.predictions.predict import Bar, ShownAnswer, heading_of, section_links
from predictor.web.predictions.row_form import Input, RowForm, Slider

HTMX = {"HX-Request": "true"}


@pytest.fixture
def signed_in(client: Client, viewer: User) -> Client:
    client.force_login(viewer)
    return client


def row_of(client: Client, slug: str = "churn") -> dict[str, str]:
    """The typical row, as a form below its answer sends it."""
    return form_data(client.get(url("predict", slug)).content.decode())


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_an_answer_comes_with_panels_and_training_rows(
    signed_in: Client, version: ModelVersion, headers: dict[str, str]
) -> None:
    page = signed_in.post(url("predict", "churn"), row_of(signed_in), headers=headers).content.decode()

    assert page.count("<h2 id=") >= 3
    for words in ("What if?", "Training rows like it", "What would have to change?"):
        assert words in page
    assert page.count('<th scope="row" class="is-added wrap">') == 5
    assert ('hx-swap-oob="innerHTML"' in page) == bool(headers)
    assert EVIL_NUMBER not in page
    assert "<b>leave" not in page


def test_an_old_version_says_what_it_lacks(signed_in: Client, linear: ModelVersion) -> None:
    page = signed_in.post(url("predict", "article"), {"f0": "1", "f1": "2"}).content.decode()

    assert "What if?" in page
    assert "stored without training rows" in page
    assert "What would have to change?" not in page


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_what_if_shows_the_difference_and_logs_nothing(
    signed_in: Client, linear: ModelVersion, headers: dict[str, str]
) -> None:
    data = {"made_for": "1", "f0": "1", "f1": "2", "w0": "2"}

    page = signed_in.post(url("what-if", "article"), data, headers=headers).content.decode()
    same = signed_in.post(url("what-if", "article"), {**data, "w0": "1"}, headers=HTMX).content.decode()

    assert "0.5 more than before: y was -0.4." in page
    assert '<p class="answer-label wrap">0.1</p>' in page
    assert "The answer is the same as before." in same
    assert ("<html" in page) == (not headers)
    assert PredictionLog.objects.count() == 0


def test_what_if_explains_the_changed_row(signed_in: Client, version: ModelVersion) -> None:
    row = row_of(signed_in)

    page = signed_in.post(
        url("what-if", "churn"), {**row, "w0": "90", "w6": "1"}, headers=HTMX
    ).content.decode()

    assert "Why this answer" in page
    assert "The probability of “stay” was" in page
    assert "points less" in page
    assert "was stay" in page


def test_an_invalid_changed_value_is_refused_with_a_sentence(
    signed_in: Client, version: ModelVersion
) -> None:
    row = row_of(signed_in)

    refused = signed_in.post(url("what-if", "churn"), {**row, "w0": "old"}, headers=HTMX)
    missing = signed_in.post(url("what-if", "churn"), {**row, "made_for": "9"}, headers=HTMX)

    assert refused.status_code == 400
    assert "“old” is not a number" in refused.content.decode()
    assert missing.status_code == 404


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_a_number_of_very_many_digits_is_refused_by_every_form(
    signed_in: Client, version: ModelVersion, headers: dict[str, str]
) -> None:
    row = {**row_of(signed_in), "wanted": "0"}
    for name, data in (
        ("what-if", {**row, "f0": "9" * 350}),
        ("what-if", {**row, "w0": "9" * 350}),
        ("counterfactuals", {**row, "f0": "9" * 350}),
        ("predict", {**row, "f0": "9" * 350}),
    ):
        refused = signed_in.post(url(name, "churn"), data, headers=headers)

        assert refused.status_code == 400, name
        assert "column “age”" in unescaped(refused.content.decode()), name


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_hints_can_be_sent_as_predictions(
    signed_in: Client, version: ModelVersion, headers: dict[str, str]
) -> None:
    row = {**row_of(signed_in), "wanted": str(CLASSES.index("<b>leave</b>")), "lock0": "yes"}

    page = signed_in.post(url("counterfactuals", "churn"), row, headers=headers).content.decode()

    assert "is enough" in page
    assert "<b>leave" not in page
    hints = page[page.index('<ol class="hints">') :]
    assert '<strong class="wrap">age</strong>' not in hints
    sent = form_data('id="row-form"' + hints[hints.index("<form") :])
    answered = signed_in.post(url("predict", "churn"), sent).content.decode()
    assert '<p class="answer-label wrap">&lt;b&gt;leave&lt;/b&gt;</p>' in answered
    assert PredictionLog.objects.get().output["prediction"] == "<b>leave</b>"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({}, "Choose the answer"),
        ({"wanted": "7"}, "Choose the answer"),
        ({"wanted": "0", "f0": "old"}, "is not a number"),
    ],
)
def test_an_invalid_wanted_answer_is_refused_with_a_sentence(
    signed_in: Client, version: ModelVersion, data: dict[str, str], sentence: str
) -> None:
    page = signed_in.post(url("counterfactuals", "churn"), {**row_of(signed_in), **data}, headers=HTMX)

    assert page.status_code == 400
    assert sentence in unescaped(page.content.decode())


@pytest.mark.parametrize("value", ["", "much", "9" * 350, "-" + "9" * 350])
def test_a_value_has_to_be_a_number(signed_in: Client, linear: ModelVersion, value: str) -> None:
    data = {"made_for": "1", "f0": "1", "f1": "2", "side": "at_most", "value": value}

    page = signed_in.post(url("counterfactuals", "article"), data, headers=HTMX)

    assert page.status_code == 400
    assert "wanted value as a number" in page.content.decode()


WHOLE = SIGNATURE.fields[0]
SHARE = FeatureField("share", Role.NUMERIC, minimum=0.0, maximum=1.0)


@pytest.mark.parametrize(
    ("field", "text", "slider"),
    [
        (WHOLE, "40", Slider("18", "90", "1")),
        (WHOLE, "100", Slider("18", "100", "1")),
        (WHOLE, "33.5", Slider("18.0", "90.0", "any")),
        (SHARE, "0.25", Slider("0.0", "1.0", "any")),
        (SHARE, "", None),
        (SHARE, "much", None),
        (WHOLE, "9" * 350, None),
        (SHARE, "-" + "9" * 350, None),
        (SHARE, "1e300", None),
        (FeatureField("x", Role.NUMERIC), "1", None),
        (FeatureField("x", Role.NUMERIC, minimum=2.0, maximum=2.0), "2", None),
    ],
)
def test_a_slider_holds_the_value_that_it_starts_from(field: Any, text: str, slider: Slider | None) -> None:
    assert Input(0, field, "number", text).slider == slider


def test_a_hint_is_a_sentence_whose_values_are_escaped() -> None:
    bars = (Bar("<b>leave</b>", 0.75, True), Bar("stay", 0.25, False))
    hint = ShownHint(
        (("age", "33", "4" * 50), ("<i>", "a", "b")), ShownAnswer("<b>leave</b>", bars), RowForm(SIGNATURE)
    )

    assert hint.sentence == (
        f'<strong class="wrap">age</strong> from 33 to <strong>{"4" * 39}…</strong> and '
        '<strong class="wrap">&lt;i&gt;</strong> from a to <strong>b</strong>: &lt;b&gt;leave&lt;/b&gt;, 75 %'
    )


def test_links_lead_to_the_sections_beneath_an_answer() -> None:
    without, all_links = section_links(has_examples=False), section_links(has_examples=True)

    assert without == (
        '<a href="#what-if-title">what if</a>, <a href="#nearest-title">training rows like it</a>'
    )
    assert all_links == f'{without}, <a href="#counterfactuals-title">what would have to change</a>'


def test_a_page_is_headed_by_the_target_or_by_the_task() -> None:
    clusters = Signature(target="", task=Task.CLUSTERING, fields=())

    assert heading_of(SIGNATURE, gettext_lazy("Prediction of %(target)s")) == "Prediction of y"
    assert (
        heading_of(clusters, gettext_lazy("Predict %(target)s"))
        == Task.CLUSTERING.label[:1].upper() + Task.CLUSTERING.label[1:]
    )
