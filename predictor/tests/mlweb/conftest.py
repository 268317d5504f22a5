from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.signals import request_started
from django.db import close_old_connections

from mlweb import fast_path

# The callers of the API's tests; the fast path serves them.
from predictor.tests.api.conftest import api, call_as, linear, outsider
from predictor.tests.mlweb.both_ways import BothWays

__all__ = ["api", "both_ways", "call_as", "linear", "outsider"]


@pytest.fixture
def both_ways(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[BothWays]:
    # The test's own connection holds its transaction.
    monkeypatch.setattr(fast_path, "close_old_connections", lambda: None)
    request_started.disconnect(close_old_connections)
    yield BothWays(monkeypatch, tmp_path / "meters")
    request_started.connect(close_old_connections)
