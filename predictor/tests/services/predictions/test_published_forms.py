from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from predictor.errors import Conflict, Gone, InvalidInput, InvalidRows, NotFound, NotServable
from predictor.models import ModelVersion, PredictionLog, PublishedForm, User, Workspace
from predictor.services import registry
from predictor.services.predictions import loaded_versions, published_forms
from predictor.services.predictions.published_forms import NewForm
from predictor.services.registry import form_settings

NEW = NewForm("Price")


@pytest.fixture
def linear(workspace: Workspace, member: User) -> ModelVersion:
    loaded_versions.forget_all()
    return registry.register_linear(
        workspace=workspace, name="article", coefficients=[0.5, 0.3], intercept=-1.5, by=member
    )


def published(linear: ModelVersion, by: User, **more: Any) -> tuple[PublishedForm, str]:
    created = published_forms.create(
        registered_model=linear.registered_model, new=replace(NEW, **more), by=by
    )
    return created.form, created.token


def test_only_the_digest_of_the_token_is_stored(linear: ModelVersion, admin: User) -> None:
    form, token = published(linear, admin)

    row = PublishedForm.objects.values().get()
    assert len(token) == 43
    assert row["digest"] == hashlib.sha256(token.encode()).hexdigest()
    assert token not in str(row)
    assert "digest" not in {field.name for field in form.history.model._meta.fields}
    assert form.history.get().history_user == admin
    assert published_forms.form_of(token) == form


@pytest.mark.parametrize("token", ["", "x" * 43, "x" * 44, "../" * 14 + "x", "é" * 43])
def test_a_wrong_token_finds_nothing(linear: ModelVersion, admin: User, token: str) -> None:
    published(linear, admin)

    with pytest.raises(NotFound):
        published_forms.form_of(token)


def test_a_closed_an_expired_and_a_revoked_link_are_gone(linear: ModelVersion, admin: User) -> None:
    form, token = published(linear, admin)
    published_forms.switch(form=form, is_on=False, by=admin)
    with pytest.raises(Gone):
        published_forms.form_of(token)
    published_forms.switch(form=form, is_on=True, by=admin)
    assert published_forms.form_of(token) == form
    PublishedForm.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Gone):
        published_forms.form_of(token)
    PublishedForm.objects.update(expires_at=None)
    published_forms.revoke(form=form, by=admin)
    with pytest.raises(Gone):
        published_forms.form_of(token)
    with pytest.raises(Conflict):
        published_forms.switch(form=form, is_on=True, by=admin)


@pytest.mark.parametrize(
    "more",
    [
        {"title": " "}, {"title": "x" * 121}, {"title": "a\nb\x00"}, {"wording": "x" * 4_001}, {"wording": "a\x1bb"},
        {"shows": "all"}, {"columns": ("x9",)}, {"requests_per_minute": 0}, {"requests_per_minute_of_address": 10_001},
        {"frame_origins": ("*",)}, {"frame_origins": ("https://*.example.org",)},
        {"frame_origins": ("https://a.example/path",)}, {"frame_origins": ("https://a.example; script-src *",)},
        {"frame_origins": ("https://a.example\r\nX: y",)}, {"frame_origins": ("'self'",)},
        {"frame_origins": ("javascript:x",)}, {"frame_origins": tuple(f"https://a{n}.example" for n in range(11))},
    ],
)  # fmt: skip
def test_a_faulty_form_is_not_published(linear: ModelVersion, admin: User, more: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        published(linear, admin, **more)

    assert not PublishedForm.objects.exists()


def test_it_does_not_expire_in_the_past_and_needs_a_version(linear: ModelVersion, admin: User) -> None:
    with pytest.raises(InvalidInput, match="past"):
        published(linear, admin, expires_at=timezone.now() - timedelta(days=1))
    with pytest.raises(NotFound):
        published(linear, admin, version="nobody")


def test_fixed_values_are_enforced_whatever_is_sent(linear: ModelVersion, admin: User) -> None:
    """0.5 · 10 + 0.3 · 2 − 1.5 = 4.1, and with x2 fixed to 5: 0.5 · 10 + 0.3 · 5 − 1.5 = 5."""
    form, _ = published(linear, admin)
    free = published_forms.predict(form=form, version=linear, row={"x1": 10, "x2": 2})
    form_settings.change(registered_model=linear.registered_model, fields={"x2": {"locked": 5}}, by=admin)

    fixed = published_forms.predict(form=form, version=linear, row={"x1": 10, "x2": 2, "y": "poison"})

    assert (free.predictions[0].prediction, fixed.predictions[0].prediction) == (4.1, 5.0)
    row = PredictionLog.objects.order_by("-id").first()
    assert row is not None
    assert (row.source, row.actor, row.inputs) == ("link", None, {"x1": 10, "x2": 5})
    assert row.request_id.startswith(f"link-{form.pk}-")
    form.refresh_from_db()
    assert form.n_uses == 2
    assert form.last_used_at is not None


def test_a_column_that_it_does_not_ask_for_cannot_be_sent(linear: ModelVersion, admin: User) -> None:
    form, _ = published(linear, admin, columns=("x1",))

    published_forms.predict(form=form, version=linear, row={"x1": 1, "x2": 1_000_000})

    typical = linear.signature.typical_row()["x2"]
    assert PredictionLog.objects.get().inputs == {"x1": 1, "x2": typical}


def test_ranges_are_enforced_and_nothing_is_logged(linear: ModelVersion, admin: User) -> None:
    form, _ = published(linear, admin)
    form_settings.change(registered_model=linear.registered_model, fields={"x1": {"maximum": 9}}, by=admin)

    with pytest.raises(InvalidRows) as caught:
        published_forms.predict(form=form, version=linear, row={"x1": 10, "x2": 2})

    assert [each.pointer for each in caught.value.problems] == ["/rows/0/x1"]
    assert not PredictionLog.objects.exists()


def test_an_alias_without_version_and_an_archived_version_do_not_answer(
    linear: ModelVersion, admin: User
) -> None:
    form, _ = published(linear, admin)
    fixed, _ = published(linear, admin, version="1")
    linear.registered_model.aliases.all().delete()
    with pytest.raises(NotServable):
        published_forms.version_of(form)

    assert published_forms.version_of(fixed) == linear
    registry.archive(model_version=linear, by=admin)
    with pytest.raises(NotServable):
        published_forms.version_of(fixed)


def test_a_page_is_changed_and_its_link_stays(linear: ModelVersion, admin: User) -> None:
    end = timezone.now() + timedelta(days=3)
    form, token = published(linear, admin, expires_at=end, wording="Old")

    published_forms.change(form=form, by=admin, title=" New  title ", wording="New", requests_per_minute=7)

    changed = published_forms.form_of(token)
    assert (changed.title, changed.wording, changed.requests_per_minute) == ("New title", "New", 7)
    assert (changed.expires_at, changed.version) == (end, form.version)
    assert changed.history.first().history_user == admin


def test_a_change_is_checked_as_a_new_page_is(linear: ModelVersion, admin: User) -> None:
    form, token = published(linear, admin)
    for wrong in ({"title": ""}, {"columns": ("none",)}, {"frame_origins": ("*",)}, {"shows": "all"}):
        with pytest.raises(InvalidInput):
            published_forms.change(form=form, by=admin, **wrong)
    with pytest.raises(InvalidInput):
        published_forms.change(form=form, by=admin, expires_at=timezone.now() - timedelta(days=1))
    assert published_forms.form_of(token).title == "Price"


def test_a_page_that_has_ended_can_be_changed_and_opened_again(linear: ModelVersion, admin: User) -> None:
    form, token = published(linear, admin, expires_at=timezone.now() + timedelta(days=1))
    PublishedForm.objects.update(expires_at=timezone.now() - timedelta(days=1))
    form.refresh_from_db()

    published_forms.change(form=form, by=admin, title="Again")
    with pytest.raises(Gone):
        published_forms.form_of(token)
    published_forms.change(form=form, by=admin, expires_at=None)

    assert published_forms.form_of(token).title == "Again"


def test_a_revoked_link_is_not_changed(linear: ModelVersion, admin: User) -> None:
    form, _ = published(linear, admin)
    published_forms.revoke(form=form, by=admin)
    with pytest.raises(Conflict):
        published_forms.change(form=form, by=admin, title="x")
