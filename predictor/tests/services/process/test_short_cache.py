from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from predictor.errors import NotAuthenticated, NotFound
from predictor.models import ApiToken, ModelAlias, RegisteredModel, Scope, User, Workspace
from predictor.services import registry
from predictor.services.accounts import tokens, workspaces
from predictor.services.process import short_cache
from predictor.services.process.short_cache import ShortCache


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def later(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(short_cache, "now", clock)
    return clock


def test_a_peek_sees_what_is_young_and_reads_nothing(clock: Clock) -> None:
    cache: ShortCache[str, str] = ShortCache()
    assert cache.peek("a") is None
    cache._held["a"] = short_cache._Entry("value", clock.now)

    clock.later(0.9)
    assert cache.peek("a") == "value"
    clock.later(0.2)
    assert cache.peek("a") is None


class Source:
    """A source that counts its reads and returns `value`."""

    value: Any = "old"
    n_read = 0

    def __call__(self) -> Any:
        self.n_read += 1
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


def test_a_value_is_read_once_and_again_after_half_a_second(clock: Clock) -> None:
    remembered, source = ShortCache[str, str](), Source()
    assert [remembered.get("a", source) for _ in range(3)] == ["old"] * 3
    source.value = "new"
    clock.later(0.4)
    assert (remembered.get("a", source), source.n_read) == ("old", 1)

    clock.later(0.2)

    assert (remembered.get("a", source), source.n_read) == ("new", 2)


def test_during_a_refresh_others_get_the_old_value_up_to_the_ttl(clock: Clock) -> None:
    remembered, source = ShortCache[str, str](), Source()
    remembered.get("a", source)
    clock.later(0.6)
    seen: list[str] = []

    def slow() -> str:
        seen.append(remembered.get("a", source))
        clock.later(0.5)
        seen.append(remembered.get("a", lambda: "newest"))
        return "new"

    assert remembered.get("a", slow) == "new"
    assert (seen, source.n_read) == (["old", "newest"], 1)


def test_the_age_counts_from_the_start_of_the_read(clock: Clock) -> None:
    remembered = ShortCache[str, str]()

    def slow() -> str:
        clock.later(2)
        return "old"

    remembered.get("a", slow)

    assert remembered.get("a", lambda: "new") == "new"


def test_errors_are_not_cached_and_remove_the_old_value(clock: Clock) -> None:
    remembered, source = ShortCache[str, str](), Source()
    remembered.get("a", source)
    clock.later(0.7)
    source.value = NotFound("gone")
    for _ in range(2):
        with pytest.raises(NotFound):
            remembered.get("a", source)

    source.value = "back"

    assert remembered.get("a", source) == "back"


def test_a_value_cleared_during_its_read_is_not_cached(clock: Clock) -> None:
    remembered = ShortCache[str, str]()

    def overtaken() -> str:
        short_cache.forget_all()
        return "old"

    assert remembered.get("a", overtaken) == "old"
    assert remembered.get("a", lambda: "new") == "new"


def test_the_number_of_keys_is_bounded(clock: Clock) -> None:
    remembered = ShortCache[int, int](most=2)
    for key in range(5):
        remembered.get(key, lambda key=key: key)  # type: ignore[misc]

    assert (len(remembered), remembered.get(4, lambda: -1)) == (2, 4)


@pytest.mark.django_db
def test_values_read_in_a_transaction_are_not_cached(clock: Clock) -> None:
    remembered = ShortCache[str, str]()

    with transaction.atomic():
        remembered.get("a", lambda: "never committed")

    assert len(remembered) == 0


# --- With committed rows: each of these clears all tables, so there are few ---------------------------------
@pytest.fixture
def _committed(transactional_db: None, clock: Clock) -> Iterator[None]:
    short_cache.forget_all()
    yield
    short_cache.forget_all()


@pytest.mark.usefixtures("_committed")
def test_the_path_of_a_prediction_needs_no_query_and_follows_changes(
    clock: Clock, workspace: Workspace, member: User, admin: User, django_assert_num_queries: Any
) -> None:
    text = tokens.create_token(user=member, workspace=workspace, name="ci", scopes=[Scope.PREDICT]).plaintext
    versions = [
        registry.register_linear(workspace=workspace, name="m", coefficients=[1], intercept=number, by=member)
        for number in range(2)
    ]

    def served() -> int:
        found = registry.model_of(tokens.authenticate(text).workspace, "m")
        return registry.serving_version(found).number

    assert served() == 1
    with django_assert_num_queries(0):
        assert served() == 1
    # A change by a service of this process is seen at once.
    model = versions[0].registered_model
    registry.set_alias(registered_model=model, alias="champion", model_version=versions[1], by=member)
    assert served() == 2
    # A change by another process is seen within a second.
    ModelAlias.objects.update(model_version=versions[0])
    clock.later(1)
    assert served() == 1
    ApiToken.objects.update(revoked_at="2020-01-01T00:00:00Z")
    clock.later(1)
    with pytest.raises(NotAuthenticated):
        served()
    ApiToken.objects.update(revoked_at=None)
    assert served() == 1
    workspaces.remove_member(membership=member.memberships.get(), by=admin)
    with pytest.raises(NotAuthenticated):
        served()


@pytest.mark.usefixtures("_committed")
def test_a_cached_token_still_expires(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, member: User
) -> None:
    made = tokens.create_token(user=member, workspace=workspace, name="ci", scopes=[Scope.PREDICT])
    token = tokens.authenticate(made.plaintext)
    assert tokens.authenticate(made.plaintext) is token

    token.expires_at = token.created_at

    with pytest.raises(NotAuthenticated):
        tokens.authenticate(made.plaintext)


def test_a_model_of_another_workspace_is_not_found(workspace: Workspace, other_workspace: Workspace) -> None:
    RegisteredModel.objects.create(workspace=other_workspace, slug="m", name="M")

    with pytest.raises(NotFound):
        registry.model_of(workspace, "m")
