from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone

from predictor.errors import InvalidInput, NotAuthenticated, NotFound
from predictor.models import ApiToken, Membership, Scope, User, Workspace, WorkspaceRole
from predictor.services.accounts import tokens, workspaces
from predictor.services.process import short_cache


@pytest.fixture
def created(viewer: User, workspace: Workspace) -> tokens.CreatedToken:
    return tokens.create_token(user=viewer, workspace=workspace, name="ci", scopes=["predict", "read"])


def test_the_plaintext_is_long_random_and_not_stored(created: tokens.CreatedToken) -> None:
    assert len(created.plaintext) == len("mlw_") + 43
    assert created.token.digest == hashlib.sha256(created.plaintext.encode()).hexdigest()
    assert created.token.prefix == created.plaintext[:10]
    assert created.token.scopes == ["read", "predict"]
    assert created.plaintext not in str(ApiToken.objects.values().get())
    assert "digest" not in {field.name for field in ApiToken.history.model._meta.fields}


def test_a_good_token_is_found_in_one_query_with_its_membership(
    created: tokens.CreatedToken, viewer: User, workspace: Workspace, django_assert_num_queries: Any
) -> None:
    ApiToken.objects.update(last_used_at=timezone.now())

    with django_assert_num_queries(1):
        token = tokens.authenticate(created.plaintext)
        assert (token.user, token.workspace) == (viewer, workspace)
        assert token.membership.can(WorkspaceRole.VIEWER)
        assert not token.membership.can(WorkspaceRole.MEMBER)


@pytest.mark.parametrize("plaintext", ["", "mlw_", "x", "mlw_" + "a" * 43, "mlw_" + "é" * 43, "a" * 100_000])
def test_a_wrong_token_is_refused(created: tokens.CreatedToken, plaintext: str) -> None:
    with pytest.raises(NotAuthenticated, match="wrong, expired or revoked"):
        tokens.authenticate(plaintext)


def end_by_revoking(created: tokens.CreatedToken) -> None:
    tokens.revoke(token=created.token, by=created.token.user)


def end_by_expiry(created: tokens.CreatedToken) -> None:
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def end_by_deactivating_the_user(created: tokens.CreatedToken) -> None:
    User.objects.filter(pk=created.token.user_id).update(is_active=False)


def end_by_leaving_the_workspace(created: tokens.CreatedToken) -> None:
    Membership.objects.filter(user=created.token.user_id).delete()


@pytest.mark.parametrize(
    "end",
    [end_by_revoking, end_by_expiry, end_by_deactivating_the_user, end_by_leaving_the_workspace],
)
def test_an_ended_token_is_refused_like_a_wrong_one(created: tokens.CreatedToken, end: Any) -> None:
    tokens.authenticate(created.plaintext)
    end(created)

    with pytest.raises(NotAuthenticated, match="wrong, expired or revoked"):
        tokens.authenticate(created.plaintext)


def test_its_use_is_noted_at_most_once_a_minute(created: tokens.CreatedToken) -> None:
    tokens.authenticate(created.plaintext)
    first = ApiToken.objects.get().last_used_at
    tokens.authenticate(created.plaintext)

    assert first is not None
    assert ApiToken.objects.get().last_used_at == first

    long_ago = timezone.now() - timedelta(minutes=2)
    ApiToken.objects.update(last_used_at=long_ago)
    tokens.authenticate(created.plaintext)
    assert ApiToken.objects.get().last_used_at > first


def test_noting_the_use_never_fails_the_request(
    created: tokens.CreatedToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*args: Any, **kwargs: Any) -> int:
        raise DatabaseError("database is locked")

    monkeypatch.setattr(type(ApiToken.objects.all()), "update", locked)

    assert tokens.authenticate(created.plaintext) == created.token


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": "  "}, "name of 1 to 80"),
        ({"name": "x" * 81}, "name of 1 to 80"),
        ({"scopes": []}, "at least one scope"),
        ({"scopes": ["read", "root"]}, "“root” is not a scope"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "would expire in the past"),
    ],
)
def test_it_refuses_invalid_arguments(
    viewer: User, workspace: Workspace, arguments: dict[str, Any], sentence: str
) -> None:
    good: dict[str, Any] = {"name": "ci", "scopes": [Scope.READ]}
    with pytest.raises(InvalidInput, match=sentence):
        tokens.create_token(user=viewer, workspace=workspace, **{**good, **arguments})


def test_there_is_no_token_for_a_workspace_that_the_person_is_not_in(
    stranger: User, workspace: Workspace
) -> None:
    with pytest.raises(NotFound, match="no workspace “acme”"):
        tokens.create_token(user=stranger, workspace=workspace, name="ci", scopes=["read"])


def test_people_see_their_own_tokens_and_admins_those_of_the_workspace(
    created: tokens.CreatedToken, viewer: User, member: User, admin: User, stranger: User
) -> None:
    seen = [set(ApiToken.objects.visible_to(user)) for user in (viewer, member, admin, stranger)]

    assert seen == [{created.token}, set(), {created.token}, set()]


def test_revoking_is_in_the_history(created: tokens.CreatedToken, admin: User) -> None:
    tokens.revoke(token=created.token, by=admin)

    latest = created.token.history.first()
    assert latest.revoked_at is not None
    assert latest.history_user == admin


def test_a_token_is_known_after_it_was_used_and_a_wrong_one_never(member: User, workspace: Workspace) -> None:
    made = tokens.create_token(user=member, workspace=workspace, name="t", scopes=[Scope.READ])
    before = tokens.is_known(made.plaintext)

    # A transaction keeps what it reads out of the cache.
    tokens._usable._held[tokens.digest_of(made.plaintext)] = object()  # type: ignore[assignment]

    assert not before
    assert tokens.is_known(made.plaintext)
    assert not tokens.is_known("mlw_" + "x" * 43)
    assert not tokens.is_known("x")


@pytest.mark.django_db(transaction=True)
def test_a_wrong_token_is_looked_up_once_a_second(
    member: User, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    at = [100.0]
    monkeypatch.setattr(short_cache, "now", lambda: at[0])
    short_cache.forget_all()
    wrong = "mlw_" + "x" * 43

    def refused(plaintext: str) -> None:
        with pytest.raises(NotAuthenticated):
            tokens.authenticate(plaintext)

    with django_assert_num_queries(2):
        for _ in range(5):
            refused(wrong)
            at[0] += 0.19
    at[0] += 0.1
    with django_assert_num_queries(1):
        refused(wrong)
        refused(wrong)
    # Others are first looked for by their digest alone.
    with django_assert_num_queries(2) as queries:
        refused("mlw_" + "y" * 43)
        refused("mlw_" + "z" * 43)
    assert all(each["sql"].startswith("SELECT 1 ") for each in queries.captured_queries)

    created = tokens.create_token(user=member, workspace=workspace, name="t", scopes=[Scope.READ])
    assert tokens.authenticate(created.plaintext).user == member
    short_cache.forget_all()


@pytest.mark.django_db(transaction=True)
def test_a_person_who_joins_a_workspace_may_use_a_token_again(
    member: User, workspace: Workspace, admin: User
) -> None:
    created = tokens.create_token(user=member, workspace=workspace, name="t", scopes=[Scope.READ])
    Membership.objects.filter(user=member, workspace=workspace).delete()
    short_cache.forget_all()
    with pytest.raises(NotAuthenticated):
        tokens.authenticate(created.plaintext)

    workspaces.add_member(workspace=workspace, user=member, role=WorkspaceRole.MEMBER, by=admin)

    assert tokens.authenticate(created.plaintext).pk == created.token.pk
    short_cache.forget_all()
