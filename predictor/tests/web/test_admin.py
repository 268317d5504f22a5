from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from predictor.admin.base import CappedPaginator
from predictor.models import (
    ApiToken,
    BatchPrediction,
    Membership,
    ModelVersion,
    PredictionLog,
    PredictionSource,
    ReadingChange,
    RegisteredModel,
    User,
    Workspace,
    WorkspaceRole,
)
from predictor.services import registry
from predictor.services.accounts import tokens, workspaces
from predictor.services.predictions import published_forms
from predictor.services.registry import form_settings
from predictor.tests.conftest import person
from predictor.tests.services.versions import publish

NOUNS = (
    "user", "workspace", "membership", "historicalmembership", "apitoken", "dataset", "trainingrun",
    "registeredmodel", "modelversion", "aliaschange", "predictionlog",
    "batchprediction", "readingchange", "formsettings", "publishedform",
)  # fmt: skip


@pytest.fixture
def root(workspace: Workspace) -> User:
    user = User.objects.create_superuser("root@example.org", "a long enough secret")
    Membership.objects.create(workspace=workspace, user=user, role=WorkspaceRole.ADMIN)
    return user


@pytest.fixture
def staff(workspace: Workspace) -> User:
    user = person("staff@example.org", workspace, WorkspaceRole.MEMBER)
    user.is_staff = True
    user.save()
    return user


def grant(user: User, *names: str) -> None:
    user.user_permissions.set(
        Permission.objects.filter(codename__in=names, content_type__app_label="predictor")
    )


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def model_in(workspace: Workspace, name: str = "Churn") -> RegisteredModel:
    return registry.get_or_create_model(workspace=workspace, name_or_slug=name, by=None)


def logged(version: ModelVersion, **changes: Any) -> PredictionLog:
    fields: dict[str, Any] = {
        "workspace": version.registered_model.workspace,
        "model_version": version,
        "request_id": "r-1",
        "source": PredictionSource.API,
        "inputs": {"city": "<script>alert(1)</script>"},
        "output": {"prediction": 1.5},
        "latency_ms": 1.0,
        "created_at": timezone.now(),
    }
    return PredictionLog.objects.create(**fields | changes)


def batch_of(version: ModelVersion) -> BatchPrediction:
    return BatchPrediction.objects.create(
        workspace=version.registered_model.workspace,
        registered_model=version.registered_model,
        model_version=version,
        filename="rows.csv",
        format="csv",
        n_bytes=1,
        source_digest="0" * 64,
        request_id="r-1",
    )


def run_action(client: Client, noun: str, action: str, *rows: Any) -> str:
    answer = client.post(
        f"/admin/predictor/{noun}/",
        {"action": action, "_selected_action": [row.pk for row in rows]},
        follow=True,
    )
    return answer.content.decode()


def reading_change_of(version: ModelVersion) -> ReadingChange:
    """A change of a reading of the version's dataset, and its undoing."""
    column, number = {"name": "x", "role": "numeric", "storage": "VARCHAR"}, ReadingChange.objects.count()
    fields = {"dataset": version.dataset, "column": "x", "before_json": column, "after_json": column}
    first = ReadingChange.objects.create(**fields, number=number + 1)
    return ReadingChange.objects.create(**fields, number=number + 2, undoes=first)


@pytest.fixture
def everything(workspace: Workspace, root: User) -> ModelVersion:
    version = publish(model_in(workspace))
    logged(version)
    batch_of(version)
    reading_change_of(version)
    tokens.create_token(user=root, workspace=workspace, name="nightly", scopes=["read"])
    names = version.signature.names
    form_settings.change(
        registered_model=version.registered_model, fields={names[0]: {"label": "L"}}, by=root
    )
    published_forms.create(
        registered_model=version.registered_model, new=published_forms.NewForm("T"), by=root
    )
    return version


@pytest.mark.parametrize("noun", NOUNS)
def test_lists_and_pages_open_for_a_superuser(everything: ModelVersion, root: User, noun: str) -> None:
    client = signed_in(root)
    page = client.get(f"/admin/predictor/{noun}/")
    assert page.status_code == 200

    rows = page.context["cl"].result_list
    assert len(rows) > 0
    assert client.get(f"/admin/predictor/{noun}/{rows[0].pk}/change/").status_code == 200
    assert client.get(f"/admin/predictor/{noun}/?q=x").status_code == 200


@pytest.mark.parametrize("noun", NOUNS)
def test_a_staff_user_without_rights_sees_nothing(everything: ModelVersion, staff: User, noun: str) -> None:
    client = signed_in(staff)

    assert client.get(f"/admin/predictor/{noun}/").status_code == 403
    assert f"/admin/predictor/{noun}/" not in client.get("/admin/").content.decode()


def test_the_list_of_models_says_which_version_an_alias_serves(everything: ModelVersion, root: User) -> None:
    registry.set_alias(
        registered_model=everything.registered_model, alias="champion", model_version=everything, by=root
    )

    client = signed_in(root)
    page = client.get("/admin/predictor/registeredmodel/").content.decode()
    changes = client.get("/admin/predictor/aliaschange/").content.decode()

    assert f"champion: version {everything.number}" in page
    assert "→" not in page + changes
    assert "mlweb/css/admin.css" in page


def test_a_user_who_is_not_staff_does_not_get_in(viewer: User) -> None:
    assert signed_in(viewer).get("/admin/").status_code in (302, 403)


@pytest.mark.parametrize("noun", [noun for noun in NOUNS if noun != "user"])
def test_a_superuser_sees_only_what_is_in_their_workspaces(
    everything: ModelVersion, other_workspace: Workspace, noun: str
) -> None:
    """Except for users: superusers administer all accounts."""
    outsider = User.objects.create_superuser("outsider@example.org", "a long enough secret")
    client = signed_in(outsider)

    page = client.get(f"/admin/predictor/{noun}/")
    assert page.context["cl"].result_count == 0
    assert "Acme" not in page.content.decode()
    pk = everything.pk if noun == "modelversion" else 1
    foreign = client.get(f"/admin/predictor/{noun}/{pk}/change/", follow=True)
    missing = client.get(f"/admin/predictor/{noun}/999999/change/", follow=True)
    assert (foreign.status_code, foreign.redirect_chain) == (missing.status_code, missing.redirect_chain)


def test_the_history_of_another_workspace_is_404(everything: ModelVersion, root: User) -> None:
    outsider = User.objects.create_superuser("outsider@example.org", "a long enough secret")
    membership = Membership.objects.get(user=root)
    path = f"/admin/predictor/membership/{membership.pk}/history/"

    assert signed_in(root).get(path).status_code == 200
    assert signed_in(outsider).get(path).status_code == 404
    first = membership.history.first().history_id
    assert signed_in(outsider).get(f"{path}{first}/").status_code == 404
    assert signed_in(root).get(f"{path}{first}/").status_code == 200
    assert signed_in(root).post(f"{path}{first}/", {"role": "viewer"}).status_code == 403


@pytest.mark.parametrize(
    "noun",
    [
        "dataset",
        "trainingrun",
        "modelversion",
        "predictionlog",
        "aliaschange",
        "apitoken",
        "batchprediction",
        "readingchange",
    ],
)
def test_what_is_immutable_is_read_only(everything: ModelVersion, root: User, noun: str) -> None:
    client = signed_in(root)
    row = client.get(f"/admin/predictor/{noun}/").context["cl"].result_list[0]

    assert client.get(f"/admin/predictor/{noun}/add/").status_code == 403
    assert client.post(f"/admin/predictor/{noun}/{row.pk}/change/", {}).status_code == 403
    assert client.post(f"/admin/predictor/{noun}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert "delete_selected" not in client.get(f"/admin/predictor/{noun}/").content.decode()


@pytest.mark.parametrize("noun", NOUNS)
def test_lists_keep_their_sql_budget(
    workspace: Workspace, root: User, noun: str, django_assert_max_num_queries: Any
) -> None:
    model = model_in(workspace)
    for number in range(12):
        version = publish(model)
        registry.set_alias(registered_model=model, alias=f"a{number}", model_version=version, by=root)
        logged(version)
        batch_of(version)
        reading_change_of(version)
        user = User.objects.create_user(f"p{number}@example.org", is_address_proved=True)
        workspaces.add_member(workspace=workspace, user=user, role="viewer", by=root)
        tokens.create_token(user=user, workspace=workspace, name="t", scopes=["read"])
        other = model_in(workspace, f"Other {number}")
        publish(other)
        form_settings.change(
            registered_model=other, fields={version.signature.names[0]: {"label": "L"}}, by=root
        )
        published_forms.create(registered_model=model, new=published_forms.NewForm("T"), by=user)
    client = signed_in(root)

    with django_assert_max_num_queries(14):
        assert client.get(f"/admin/predictor/{noun}/").context["cl"].result_count >= 1


def test_make_champion_promotes_and_says_so(workspace: Workspace, root: User) -> None:
    model = model_in(workspace)
    publish(model)
    second = publish(model)

    page = run_action(signed_in(root), "modelversion", "make_champion", second)

    assert "Churn version 2 is champion of Acme now." in page
    assert registry.version_of(model) == second
    assert registry.history(model)[0].changed_by == root


def test_a_model_has_one_champion(workspace: Workspace, root: User) -> None:
    model = model_in(workspace)
    first, second = publish(model), publish(model)

    page = run_action(signed_in(root), "modelversion", "make_champion", first, second)

    assert "choose one of its 2 versions" in page
    assert registry.version_of(model) == first


def test_archiving_the_champion_is_refused_with_a_sentence(workspace: Workspace, root: User) -> None:
    model = model_in(workspace)
    first, second = publish(model), publish(model)

    page = run_action(signed_in(root), "modelversion", "archive_versions", first, second)

    assert "point that alias at another version first" in page
    assert "Churn version 2 is archived" in page
    second.refresh_from_db()
    assert second.is_archived
    run_action(signed_in(root), "modelversion", "take_out_of_archive", second)
    second.refresh_from_db()
    assert not second.is_archived


def test_comparing_two_versions_leads_to_the_page_of_the_site(workspace: Workspace, root: User) -> None:
    model = model_in(workspace)
    first, second, third = publish(model), publish(model), publish(model)
    client = signed_in(root)

    answer = client.post(
        "/admin/predictor/modelversion/",
        {"action": "compare_two", "_selected_action": [first.pk, third.pk]},
    )
    assert answer["Location"] == "/w/acme/models/churn/compare/?a=1&b=3"
    page = run_action(client, "modelversion", "compare_two", first, second, third)
    assert "exactly two versions" in page


def test_rolling_back_from_the_panel(workspace: Workspace, root: User) -> None:
    model = model_in(workspace)
    first, second = publish(model), publish(model)
    registry.set_alias(registered_model=model, alias="champion", model_version=second, by=root)
    client = signed_in(root)

    page = run_action(client, "registeredmodel", "roll_champion_back", model)
    again = run_action(client, "registeredmodel", "roll_champion_back", model)

    assert "The champion of Churn is version 1 again." in page
    assert registry.version_of(model) == first
    assert "no earlier version" in again


def test_a_models_page_shows_where_its_aliases_were(everything: ModelVersion, root: User) -> None:
    page = signed_in(root).get(f"/admin/predictor/registeredmodel/{everything.registered_model_id}/change/")

    assert "Alias history" in page.content.decode()
    assert "champion" in page.content.decode()


def test_renaming_a_model_is_in_its_history(everything: ModelVersion, root: User) -> None:
    model = everything.registered_model
    signed_in(root).post(
        f"/admin/predictor/registeredmodel/{model.pk}/change/",
        {
            "name": "Churn of customers",
            "description": "",
            **{
                f"{each}-{key}": "0"
                for each in ("aliases", "alias_changes")
                for key in ("TOTAL_FORMS", "INITIAL_FORMS")
            },
        },
    )

    model.refresh_from_db()
    assert model.name == "Churn of customers"
    assert model.history.first().history_user == root


def test_permissions_in_the_panel_do_not_exceed_the_workspace_role(
    workspace: Workspace, staff: User, viewer: User
) -> None:
    grant(staff, "view_modelversion", "change_modelversion")
    grant(viewer, "view_modelversion", "change_modelversion")
    viewer.is_staff = True
    viewer.save()
    model = model_in(workspace)
    first, second = publish(model), publish(model)

    assert "You may only look in Acme" in run_action(
        signed_in(viewer), "modelversion", "make_champion", second
    )
    assert registry.version_of(model) == first
    run_action(signed_in(staff), "modelversion", "make_champion", second)
    assert registry.version_of(model) == second


def test_a_user_who_may_only_view_has_no_actions(workspace: Workspace, staff: User) -> None:
    grant(staff, "view_modelversion")
    publish(model_in(workspace))

    page = signed_in(staff).get("/admin/predictor/modelversion/").content.decode()

    assert "make_champion" not in page
    assert "compare_two" in page


def test_tokens_are_revoked_and_their_digest_is_nowhere(everything: ModelVersion, root: User) -> None:
    token = ApiToken.objects.get()
    client = signed_in(root)
    pages = [
        client.get("/admin/predictor/apitoken/"),
        client.get(f"/admin/predictor/apitoken/{token.pk}/change/"),
        client.get(f"/admin/predictor/apitoken/{token.pk}/history/"),
    ]

    assert all(token.digest not in page.content.decode() for page in pages)
    assert (
        client.get("/admin/predictor/apitoken/", {"digest__startswith": token.digest[:2]}).status_code == 400
    )
    assert "is revoked" in run_action(client, "apitoken", "revoke_tokens", token)
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_memberships_are_written_through_the_service(
    workspace: Workspace, root: User, stranger: User
) -> None:
    client = signed_in(root)
    client.post(
        "/admin/predictor/membership/add/", {"workspace": workspace.pk, "user": stranger.pk, "role": "viewer"}
    )
    made = Membership.objects.get(workspace=workspace, user=stranger)
    assert made.history.first().history_user == root

    client.post(f"/admin/predictor/membership/{made.pk}/change/", {"role": "member"})
    assert workspace.role_of(stranger) == WorkspaceRole.MEMBER
    client.post(f"/admin/predictor/membership/{made.pk}/delete/", {"post": "yes"})
    assert workspace.role_of(stranger) is None
    gone = client.get("/admin/predictor/historicalmembership/").content.decode()
    assert gone.count("stranger@example.org") >= 3


def test_the_last_admin_of_a_workspace_cannot_be_removed_in_the_panel(
    workspace: Workspace, root: User
) -> None:
    mine = Membership.objects.get(user=root)
    client = signed_in(root)

    for path, data in (("change", {"role": "viewer"}), ("delete", {"post": "yes"})):
        page = client.post(f"/admin/predictor/membership/{mine.pk}/{path}/", data, follow=True)
        assert "is the last admin of" in page.content.decode()
    assert workspace.role_of(root) == WorkspaceRole.ADMIN


def test_a_staff_user_does_not_raise_their_own_role(workspace: Workspace, staff: User, admin: User) -> None:
    grant(staff, "view_membership", "change_membership", "add_membership", "delete_membership")
    mine = Membership.objects.get(user=staff)

    answer = signed_in(staff).post(f"/admin/predictor/membership/{mine.pk}/change/", {"role": "admin"})

    assert answer.status_code == 403
    assert workspace.role_of(staff) == WorkspaceRole.MEMBER


def test_only_superusers_change_accounts(workspace: Workspace, staff: User, admin: User) -> None:
    grant(staff, "view_user", "change_user", "add_user", "delete_user")
    client = signed_in(staff)

    page = client.get(f"/admin/predictor/user/{admin.pk}/change/")
    assert page.status_code == 200
    assert "admin@example.org" in page.content.decode()
    assert client.post(f"/admin/predictor/user/{admin.pk}/change/", {"email": "x@y.org"}).status_code == 403
    assert client.get(f"/admin/predictor/user/{admin.pk}/password/").status_code == 403
    assert client.get("/admin/predictor/user/add/").status_code == 403


def test_a_superuser_makes_accounts_and_workspaces(workspace: Workspace, root: User) -> None:
    client = signed_in(root)
    client.post(
        "/admin/predictor/user/add/",
        {
            "email": "new@example.org",
            "usable_password": "true",
            "password1": "correct horse battery",
            "password2": "correct horse battery",
        },
    )
    assert User.objects.get(email="new@example.org").check_password("correct horse battery")
    taken = client.post(
        "/admin/predictor/user/add/", {"email": "NEW@example.org", "usable_password": "false"}
    )
    assert taken.status_code == 200
    assert User.objects.filter(email__iexact="new@example.org").count() == 1

    client.post("/admin/predictor/workspace/add/", {"name": "North", "slug": "north"})
    assert Workspace.objects.get(slug="north").role_of(root) == WorkspaceRole.ADMIN
    refused = client.post("/admin/predictor/workspace/add/", {"name": "Health", "slug": "health"})
    assert "reserved for the API" in refused.content.decode()


def test_logged_values_are_shown_as_text_and_never_as_markup(everything: ModelVersion, root: User) -> None:
    row = PredictionLog.objects.get()

    page = signed_in(root).get(f"/admin/predictor/predictionlog/{row.pk}/change/").content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_log_is_counted_no_further_than_it_is_paged(
    everything: ModelVersion, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        logged(everything)
    monkeypatch.setattr(CappedPaginator, "MAX_ROWS", 3)

    page = signed_in(root).get("/admin/predictor/predictionlog/")

    assert page.context["cl"].result_count == 3


def test_two_factor_secrets_are_not_in_the_panel(root: User) -> None:
    page = signed_in(root).get("/admin/").content.decode()

    assert "authenticator" not in page.lower()
