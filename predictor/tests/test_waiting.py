"""No test depends on how fast its machine is: it waits for an event, and only what hangs ends by a limit."""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from . import waiting
from .waiting import HANG_SECONDS, wait_for_end, wait_until

ROOT = Path(__file__).resolve().parents[2]
TESTS = Path(__file__).resolve().parent
# Where waiting itself is written.
WAITS = {TESTS / "waiting.py", ROOT / "conformance" / "run.py"}
CLOCKS = {"time.time", *(f"{at}{name}" for at in ("", "time.") for name in (
    "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "thread_time", "time_ns"
))}  # fmt: skip
# Their first number is a limit.
WAITING = {
    "wait",
    "join",
    "result",
    "communicate",
    "settimeout",
    "set_default_timeout",
    "wait_procs",
    "wait_for_timeout",
}
# Limits that are what the test is about: the code under test has to keep them.
UNDER_TEST = {
    ("ml/execution/test_child_processes.py", "start"),  # a child past its deadline
    ("mlweb/test_file_cache.py", "set"),  # the time that an entry is kept
}
SLEEPS = re.compile(r"sleep\(([0-9.]+)\)")
# Their own limits are 5 s.
HURRIED = {
    f"httpx.{name}" for name in ("get", "post", "put", "patch", "delete", "request", "stream", "Client")
}


def test_no_test_depends_on_the_speed_of_the_machine() -> None:
    files = [*TESTS.rglob("*.py"), *(ROOT / "conformance").glob("*.py")]

    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in files
        if path not in WAITS and path != Path(__file__)
        for line, what in clocks_in(
            path.read_text(), path.relative_to(TESTS).as_posix() if TESTS in path.parents else ""
        )
    ]

    assert found == []


def clocks_in(code: str, file: str = "") -> Iterator[tuple[int, str]]:
    """Where code waits for a fixed time, or decides by one."""
    tree = ast.parse(code)
    constants = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        what = None
        if isinstance(node, ast.Call):
            what = clock_of_call(node, constants)
            what = None if (file, name_of(node)) in UNDER_TEST else what
            if file.startswith("browser/") and any(each.arg == "timeout" for each in node.keywords):
                what = None if name_of(node) == "set_options" else "has a limit of its own"
        elif isinstance(node, ast.FunctionDef):
            defaults = zip(reversed(node.args.args), reversed(node.args.defaults), strict=False)
            if any(each.arg == "timeout" and is_short(value, constants) for each, value in defaults):
                what = "has a short limit by default"
        elif isinstance(node, ast.Constant) and any(map(is_below_limit, SLEEPS.findall(str(node.value)))):
            what = "has a program that ends by itself"
        if what is not None:
            yield node.lineno, what
    for scope in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]:
        yield from compared_times(scope)


def clock_of_call(call: ast.Call, constants: dict[str, object]) -> str | None:
    name, keywords = name_of(call), {each.arg: each.value for each in call.keywords}
    limits = [keywords["timeout"]] if "timeout" in keywords else []
    if name in WAITING and isinstance(call.func, ast.Attribute):
        limits += call.args[:1]
    if name == "sleep":
        return "sleeps"
    if any(is_short(each, constants) for each in limits):
        return f"waits for a short time ({name})"
    if ast.unparse(call.func) in HURRIED and not {"timeout", None} & set(keywords):
        return f"has the limit of {name} itself"
    if "deadline" in keywords and is_short(keywords["deadline"], constants):
        return "has a deadline"
    return None


def compared_times(scope: ast.Module | ast.FunctionDef) -> Iterator[tuple[int, str]]:
    nodes = list(own_nodes(scope))
    measured = {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and is_time(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in nodes:
        if isinstance(node, ast.Compare) and any(
            is_time(each) or getattr(each, "id", "") in measured for each in [node.left, *node.comparators]
        ):
            yield node.lineno, "compares times"


def own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(scope):
        if not isinstance(node, ast.FunctionDef):
            yield node
            yield from own_nodes(node)


def is_time(node: ast.expr) -> bool:
    """Whether it reads a clock, or adds and subtracts what does."""
    if isinstance(node, ast.BinOp):
        return is_time(node.left) or is_time(node.right)
    return isinstance(node, ast.Call) and ast.unparse(node.func) in CLOCKS


def is_short(node: ast.expr, constants: dict[str, object]) -> bool:
    value = node.value if isinstance(node, ast.Constant) else constants.get(getattr(node, "id", ""))
    return isinstance(value, int | float) and not isinstance(value, bool) and value < HANG_SECONDS


def is_below_limit(seconds: str) -> bool:
    return float(seconds) < HANG_SECONDS


def name_of(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("time.sleep(0.1)", "sleeps"),
        ("thread.join(5)", "waits for a short time (join)"),
        ("event.wait(timeout=5)", "waits for a short time (wait)"),
        ("LIMIT = 60\nsubprocess.run(['x'], timeout=LIMIT)", "waits for a short time (run)"),
        ("page.wait_for_timeout(100)", "waits for a short time (wait_for_timeout)"),
        ("httpx.get('x')", "has the limit of get itself"),
        ("settings(deadline=200)", "has a deadline"),
        ("started = time.monotonic()\nassert time.monotonic() - started < 5", "compares times"),
        ("took = time.perf_counter() - started\nassert took < 5", "compares times"),
        ("def wait(timeout=5): pass", "has a short limit by default"),
        ("run('import time; time.sleep(60)')", "has a program that ends by itself"),
    ],
)
def test_a_clock_is_found(code: str, what: str) -> None:
    assert [found for _, found in clocks_in(code)] == [what]


def test_a_limit_of_one_step_in_the_browser_is_found() -> None:
    assert len(list(clocks_in("expect(tab).to_have_text('x', timeout=20_000)", "browser/test_pages.py"))) == 1


@pytest.mark.parametrize(
    "code",
    ["thread.join()", "event.wait(HANG_SECONDS)", "', '.join(names)", "settings(deadline=None)", "run(timeout=600)",
     "long_ago = time.time() - 60\nos.utime(path, (long_ago, long_ago))"],
)  # fmt: skip
def test_waiting_for_events_is_no_clock(code: str) -> None:
    assert list(clocks_in(code)) == []


def test_hypothesis_measures_no_time() -> None:
    assert hypothesis.settings().deadline is None
    assert hypothesis.HealthCheck.too_slow in hypothesis.settings().suppress_health_check


def test_a_wait_ends_with_its_event_and_what_hangs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    wait_until(lambda: looks.append(1) or len(looks) == 3)
    assert len(looks) == 3

    monkeypatch.setattr(waiting, "HANG_SECONDS", 0.0)
    release = threading.Event()
    thread = threading.Thread(target=release.wait, name="stuck")
    thread.start()
    with pytest.raises(AssertionError, match="the moon: it hangs"):
        wait_until(lambda: False, "the moon")
    with pytest.raises(AssertionError, match="stuck hangs"):
        wait_for_end(thread)
    release.set()
    thread.join()
