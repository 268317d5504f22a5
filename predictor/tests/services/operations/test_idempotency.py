from __future__ import annotations

import string
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from predictor.errors import InvalidInput, KeyReused, RequestUnderWay
from predictor.models import IdempotentRequest, Workspace
from predictor.services import artifacts, quotas
from predictor.services.operations import idempotency
from predictor.services.operations.idempotency import Claim, StoredResponse

KEY = "c0ffee-1"


def claim(workspace: Workspace, fingerprint: str = "f", **more: Any) -> Any:
    request = {"caller": "user-1", "key": KEY, "route": "POST /x", **more}
    return idempotency.claim(workspace_id=workspace.pk, fingerprint=fingerprint, **request)


def test_a_request_that_is_still_being_answered_is_refused_until_its_owner_is_dead(
    workspace: Workspace,
) -> None:
    claim(workspace)
    with pytest.raises(idempotency.RequestUnderWay) as caught:
        claim(workspace)
    assert caught.value.retry_seconds == 1

    IdempotentRequest.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    with claim(workspace) as mine:
        mine.keep(idempotency.StoredResponse(201, {}, b"made"))
    assert claim(workspace).body == b"made"


def test_an_owner_that_lost_its_claim_does_not_overwrite_the_answer(workspace: Workspace) -> None:
    late = claim(workspace)
    IdempotentRequest.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    with claim(workspace) as mine:
        mine.keep(idempotency.StoredResponse(201, {}, b"mine"))

    with late:
        late.keep(idempotency.StoredResponse(201, {}, b"late"))

    assert claim(workspace).body == b"mine"


def test_a_key_is_free_again_when_its_answer_is_no_longer_kept(workspace: Workspace) -> None:
    with claim(workspace) as first:
        first.keep(idempotency.StoredResponse(201, {}, b"old"))
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))

    assert isinstance(claim(workspace, "other"), idempotency.Claim)


def answered(workspace: Workspace, body: bytes = b"made", **more: Any) -> None:
    with claim(workspace, **more) as mine:
        mine.keep(StoredResponse(201, {"Location": "/y"}, body))


def expire_leases() -> None:
    IdempotentRequest.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


def grow_old(hours: float) -> None:
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=hours))


def test_a_repetition_gets_status_headers_and_body_of_the_first_request(workspace: Workspace) -> None:
    with claim(workspace) as mine:
        mine.keep(StoredResponse(422, {"Content-Type": "text/csv", "X": "ü"}, b"\x00\xff", "d" * 64))

    assert claim(workspace) == StoredResponse(
        422, {"Content-Type": "text/csv", "X": "ü"}, b"\x00\xff", "d" * 64
    )


@pytest.mark.parametrize(
    "other",
    [
        {"caller": "user-2"},
        {"key": "c0ffee-2"},
        {"route": "POST /y"},
        {"fingerprint": "f", "key": "C0FFEE-1"},
    ],
)
def test_a_key_belongs_to_its_caller_and_route(workspace: Workspace, other: dict[str, str]) -> None:
    answered(workspace)

    assert isinstance(claim(workspace, **other), Claim)


def test_a_key_belongs_to_its_workspace(workspace: Workspace, other_workspace: Workspace) -> None:
    answered(workspace)

    assert isinstance(claim(other_workspace), Claim)


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_key_that_came_with_another_request_is_refused(workspace: Workspace, is_answered: bool) -> None:
    if is_answered:
        answered(workspace)
    else:
        claim(workspace)
        expire_leases()

    with pytest.raises(KeyReused, match="each one needs a key of its own"):
        claim(workspace, "other")


def test_a_claim_that_was_not_kept_frees_the_key(workspace: Workspace) -> None:
    with claim(workspace):
        pass

    assert not IdempotentRequest.objects.exists()
    assert isinstance(claim(workspace, "other"), Claim)


def test_a_claim_that_was_kept_and_given_up_frees_the_key(workspace: Workspace) -> None:
    with claim(workspace) as mine:
        try:
            with transaction.atomic():
                mine.keep(StoredResponse(201, {}))
                raise DatabaseError
        except DatabaseError:
            mine.give_up()

    assert not IdempotentRequest.objects.exists()


def test_a_late_owner_neither_frees_nor_overwrites_the_claim_of_another(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    late = claim(workspace)
    expire_leases()
    mine = claim(workspace)

    with late:
        late.keep(StoredResponse(201, {}, b"late"))
    assert "Another process took over" in caplog.text
    with late_again(late):
        pass

    with mine:
        mine.keep(StoredResponse(201, {}, b"mine"))
    assert claim(workspace).body == b"mine"


def late_again(late: Claim) -> Claim:
    """The same owner once more: a thread runs only once."""
    return Claim(late.pk, late._owner)


@pytest.mark.parametrize(("hours", "is_free"), [(23.9, False), (24.1, True)])
def test_a_response_is_kept_for_the_hours_of_the_setting(
    workspace: Workspace, settings: Settings, hours: float, is_free: bool
) -> None:
    settings.IDEMPOTENCY_HOURS = 24
    answered(workspace)
    grow_old(hours)

    assert isinstance(claim(workspace), Claim) == is_free


def test_a_request_that_is_answered_for_longer_than_responses_are_kept_is_still_under_way(
    workspace: Workspace,
) -> None:
    claim(workspace)
    grow_old(25)

    with pytest.raises(RequestUnderWay):
        claim(workspace)
    expire_leases()

    assert isinstance(claim(workspace, "other"), Claim)


def test_who_loses_the_race_for_a_key_reads_the_row_of_the_winner(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(workspace, b"winner")
    # The winner's row comes between the first read and the insert, which the constraint refuses.
    reads = mock.Mock(side_effect=[IdempotentRequest.objects.none(), IdempotentRequest.objects.all()])
    monkeypatch.setattr(IdempotentRequest.objects, "filter", reads)
    monkeypatch.setattr(quotas, "require_room_for_answer", lambda workspace_id: None)

    assert claim(workspace).body == b"winner"
    assert reads.call_count == 2


def test_who_loses_three_races_is_asked_to_come_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    creating = mock.Mock(side_effect=IntegrityError)
    monkeypatch.setattr(IdempotentRequest.objects, "create", creating)

    with pytest.raises(RequestUnderWay, match="repeat it in a moment"):
        claim(workspace)

    assert creating.call_count == 3


def test_a_long_route_is_cut_to_what_the_column_holds(workspace: Workspace) -> None:
    answered(workspace, route="POST /" + "x" * 300)

    assert len(IdempotentRequest.objects.get().route) == 250
    assert claim(workspace, route="POST /" + "x" * 300).body == b"made"


PRINTABLE = set(string.ascii_letters + string.digits + string.punctuation)


@hypothesis_settings(max_examples=50, deadline=None)
@given(key=st.text(st.one_of(st.characters(max_codepoint=0x7F), st.characters()), max_size=300))
def test_a_key_is_printable_ascii_without_spaces_around(key: str) -> None:
    is_key = 1 <= len(key) <= 255 and set(key) <= PRINTABLE | {" "} and key == key.strip(" ")

    with (
        mock.patch.object(IdempotentRequest.objects, "filter", side_effect=ZeroDivisionError),
        pytest.raises(ZeroDivisionError if is_key else InvalidInput),
    ):
        idempotency.claim(workspace_id=1, caller="user-1", key=key, route="POST /x", fingerprint="f")


@pytest.mark.parametrize(
    ("key", "is_key"), [("a" * 255, True), ("a" * 256, False), ("a b", True), ("a ", False), ("~", True)]
)
def test_keys_at_the_edge(key: str, is_key: bool) -> None:
    assert bool(idempotency.KEY.fullmatch(key)) == is_key


# --- The lease of a claim ------------------------------------------------------------------------------------
class Turns:
    """Stands for the event that ends the thread: `wait` returns False for so many turns."""

    def __init__(self, n_turns: int):
        self.n_left = n_turns

    def wait(self, seconds: float) -> bool:
        assert seconds == idempotency.RENEWED_EVERY_SECONDS < idempotency.LEASE.total_seconds()
        self.n_left -= 1
        return self.n_left < 0


def renew(mine: Claim, n_turns: int = 1) -> None:
    """The body of the thread, here and with the connection of the test."""
    mine._is_over = Turns(n_turns)  # type: ignore[assignment]
    with mock.patch.object(idempotency, "connections"):
        mine._renew()


def test_the_owner_renews_its_lease(workspace: Workspace) -> None:
    mine = claim(workspace)
    expire_leases()
    before = timezone.now()

    renew(mine)

    assert IdempotentRequest.objects.get().lease_until >= before + idempotency.LEASE
    with pytest.raises(RequestUnderWay):
        claim(workspace)


def test_a_late_owner_does_not_renew_the_lease_of_another(workspace: Workspace) -> None:
    late = claim(workspace)
    expire_leases()
    assert isinstance(claim(workspace), Claim)
    expire_leases()

    renew(late)

    assert IdempotentRequest.objects.get().lease_until < timezone.now()


def test_renewing_goes_on_after_a_database_error(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = claim(workspace)
    expire_leases()
    own = IdempotentRequest.objects.held_by(mine._owner)
    held_by = mock.Mock(side_effect=[DatabaseError, own])
    monkeypatch.setattr(IdempotentRequest.objects, "held_by", held_by)

    renew(mine, n_turns=2)

    assert IdempotentRequest.objects.get().lease_until > timezone.now()


# --- Bodies and old rows -------------------------------------------------------------------------------------
@pytest.mark.parametrize(("n_bytes", "is_file"), [(0, False), (65_536, False), (65_537, True)])
def test_a_large_body_is_stored_as_a_file(n_bytes: int, is_file: bool) -> None:
    content = b"x" * n_bytes

    body, digest = idempotency.keep_body(content)

    if is_file:
        assert body == b""
        assert artifacts.verified_path(digest).read_bytes() == content
    else:
        assert (body, digest) == (content, "")


def test_old_responses_are_forgotten_with_their_files_and_others_stay(workspace: Workspace) -> None:
    digests = []
    for key, hours in (("old", 25), ("unfinished", 25), ("new", 0)):
        digests.append(artifacts.put_bytes(key.encode()))
        with claim(workspace, key=key) as mine:
            mine.keep(StoredResponse(200, {}, body_digest=digests[-1]))
        row = IdempotentRequest.objects.filter(key=key)
        row.update(created_at=timezone.now() - timedelta(hours=hours))
    IdempotentRequest.objects.filter(key="unfinished").update(
        status=None, lease_until=timezone.now() + timedelta(seconds=30)
    )

    assert idempotency.forget_old() == 1

    assert sorted(IdempotentRequest.objects.values_list("key", flat=True)) == ["new", "unfinished"]
    assert [artifacts.exists(digest) for digest in digests] == [False, True, True]


def test_bytes_that_a_newer_response_needs_stay(workspace: Workspace) -> None:
    shared = artifacts.put_bytes(b"same answer")
    for key in ("old", "new"):
        with claim(workspace, key=key) as mine:
            mine.keep(StoredResponse(200, {}, body_digest=shared))
    IdempotentRequest.objects.filter(key="old").update(created_at=timezone.now() - timedelta(hours=25))

    assert idempotency.forget_old() == 1

    assert artifacts.exists(shared)
