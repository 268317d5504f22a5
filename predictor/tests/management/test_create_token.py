from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from predictor.models import User


def create_token() -> Any:
    return call_command("create_token", "--email", "nobody@example.org", "--scope", "read")


def test_without_any_account_it_says_what_to_do(db: None) -> None:
    with pytest.raises(CommandError, match=r"make run.*bootstrap.*makes the first account"):
        create_token()


def test_on_an_empty_database_it_says_what_to_do() -> None:
    with (
        mock.patch.object(
            User.objects, "filter", side_effect=OperationalError("no such table: predictor_user")
        ),
        pytest.raises(CommandError, match="makes the first account"),
    ):
        create_token()


def test_an_unknown_address_is_named(viewer: User) -> None:
    with pytest.raises(CommandError, match=r"no account “nobody@example\.org”"):
        create_token()
