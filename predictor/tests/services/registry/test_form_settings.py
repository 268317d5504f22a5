from __future__ import annotations

import pytest

from predictor.errors import InvalidInput, NotFound
from predictor.models import FormSettings, RegisteredModel, User, Workspace
from predictor.services.registry import form_settings
from predictor.tests.services.versions import publish


@pytest.fixture
def churn(workspace: Workspace) -> RegisteredModel:
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    publish(model)
    return model


def test_settings_are_kept_with_who_changed_what(churn: RegisteredModel, member: User, admin: User) -> None:
    form_settings.change(
        registered_model=churn, fields={"age": {"label": "Age"}, "city": {"help": "h"}}, by=member
    )
    form_settings.change(registered_model=churn, fields={"age": {"unit": "y"}}, by=admin, is_whole=False)
    form_settings.change(registered_model=churn, fields={"age": {"unit": "y"}}, by=admin, is_whole=False)

    assert form_settings.of(churn).to_json() == {"age": {"unit": "y"}, "city": {"help": "h"}}
    changes = form_settings.changes(churn)
    assert [(each.history_user, each.changed) for each in changes] == [
        (admin, ["age"]),
        (member, ["age", "city"]),
    ]


def test_a_whole_change_removes_what_it_does_not_name(churn: RegisteredModel, member: User) -> None:
    form_settings.change(registered_model=churn, fields={"age": {"label": "Age"}}, by=member)
    form_settings.change(registered_model=churn, fields={"city": {"label": "City"}}, by=member)

    assert form_settings.of(churn).to_json() == {"city": {"label": "City"}}


def test_an_unknown_column_is_refused_but_one_of_before_stays(churn: RegisteredModel, member: User) -> None:
    with pytest.raises(InvalidInput, match="no column “agee”"):
        form_settings.change(registered_model=churn, fields={"agee": {"label": "x"}}, by=member)
    FormSettings.objects.create(registered_model=churn, fields_json={"gone": {"label": "Gone"}})

    form_settings.change(
        registered_model=churn, fields={"gone": {"label": "Gone"}, "age": {"label": "A"}}, by=member
    )

    assert set(form_settings.of(churn).fields) == {"gone", "age"}


def test_a_model_without_version_has_no_columns(workspace: Workspace, member: User) -> None:
    empty = RegisteredModel.objects.create(workspace=workspace, slug="e", name="E")

    assert form_settings.changes(empty) == []
    with pytest.raises(NotFound):
        form_settings.change(registered_model=empty, fields={"age": {"label": "x"}}, by=member)
