"""Checks shared by all drivers. Standard library only, since it runs in the environment of each client."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Ends what hangs; nothing that works takes so long, on a loaded machine either.
HANG_SECONDS = 600.0


@dataclass
class Setup:
    """Input of a driver, written by `run.py`: server, token, rows to predict, and the native API's predictions."""

    host: str
    port: int
    token: str
    workspace: str
    rows: dict[str, list[dict[str, Any]]]
    answers: dict[str, dict[str, list[Any]]]
    snippets: dict[str, dict[str, Any]]

    @property
    def base(self) -> str:
        """Base URL without the scheme, as Triton's client takes it."""
        return f"{self.host}:{self.port}/serve/{self.workspace}"

    @property
    def url(self) -> str:
        return f"http://{self.base}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass
class Checks:
    """Registry of the checks of one client, in the order of the file."""

    setup: Setup
    registered: list[tuple[str, Callable[[], Any]]] = field(default_factory=list)

    def check(self, call: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
        """Decorator: register a function as the check of this call. It raises on failure; its return value is shown."""

        def add(function: Callable[[], Any]) -> Callable[[], Any]:
            self.registered.append((call, function))
            return function

        return add

    def check_snippet(self, key: str, model: str) -> None:
        """Check that the snippet on the model's page, unchanged, prints the prediction of the native API."""

        @self.check(f"the snippet of the page of {model}")
        def run_it() -> None:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(self.setup.snippets[model]["codes"][key], {})
            last_line = printed.getvalue().strip().splitlines()[-1]
            same([last_line], [str(self.setup.snippets[model]["answer"])], "printed")

    def run(self) -> None:
        """Run all checks; prints the results as JSON on the last line."""
        results = []
        for call, function in self.registered:
            try:
                shown = function()
                if asyncio.iscoroutine(shown):
                    shown = asyncio.run(shown)
                results.append({"call": call, "ok": True, "detail": str(shown or "")[:160]})
            except Exception as error:  # any error of any client is a result
                detail = f"{type(error).__name__}: {error}".replace("\n", " ")
                results.append({"call": call, "ok": False, "detail": detail[:300]})
        print(json.dumps(results))


def started() -> Checks:
    return Checks(Setup(**json.loads(Path(sys.argv[1]).read_text("utf-8"))))


def same(found: Any, wanted: Any, what: str = "") -> None:
    """Assert equal sequences; numbers within a relative tolerance of 1e-12. Raises AssertionError with both."""
    found, wanted = list(found), list(wanted)
    if len(found) != len(wanted) or not all(map(_equal, found, wanted)):
        raise AssertionError(f"{what} got {found[:4]}, wanted {wanted[:4]}")


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, bytes):
        one = one.decode()
    if isinstance(other, float | int) and not isinstance(other, bool):
        return math.isclose(float(one), float(other), rel_tol=1e-12, abs_tol=0.0)
    return bool(one == other)


def refused(function: Callable[[], Any], *words: str) -> str:
    """Assert that a call fails with an error that contains these words; returns the error text."""
    try:
        function()
    except Exception as error:
        text = str(error)
        missing = [word for word in words if word not in text]
        if missing:
            raise AssertionError(f"the error lacks {missing}: {text}") from None
        return text.replace("\n", " ")
    raise AssertionError("it was not refused")
