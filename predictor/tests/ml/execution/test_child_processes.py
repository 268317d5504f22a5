from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from predictor.ml.execution.child_processes import Children
from predictor.tests.waiting import HANG_SECONDS, hang, wait_until


@pytest.fixture
def children(tmp_path):
    pool = Children(2, tmp_path)
    yield pool
    pool.kill_all()


def test_a_child_writes_its_result_to_a_file(children, tmp_path):
    children.start("fit", lambda: (tmp_path / "found").write_text("42") and None, timeout=HANG_SECONDS)
    assert children.wait().status == "done"
    assert (tmp_path / "found").read_text() == "42"
    assert children.is_idle


def test_a_child_past_its_deadline_is_killed(children):
    children.start("slow", hang, timeout=0.05)
    ended = children.wait()
    assert (ended.key, ended.status) == ("slow", "timed out")
    assert children.is_idle


def test_the_pool_knows_how_long_its_children_ran_and_computed(children):
    children.start("computing", lambda: sum(range(3_000_000)) and None, timeout=HANG_SECONDS)
    children.wait()
    computed = children.cpu_seconds
    assert computed > 0

    children.start("waiting", hang, timeout=0.3)
    ended = children.wait()
    assert children.wall_seconds >= ended.seconds >= 0.3
    assert children.cpu_seconds >= computed


def test_a_failed_child_reports_its_exception(children):
    def fail():
        raise ValueError("no such thing")

    children.start("wrong", fail, timeout=HANG_SECONDS)
    ended = children.wait()
    assert ended.status == "failed"
    assert "no such thing" in ended.note
    assert "Traceback" in ended.traceback


def test_a_killed_child_reports_the_signal(children):
    children.start("killed", lambda: os.kill(os.getpid(), signal.SIGKILL), timeout=HANG_SECONDS)
    assert "SIGKILL" in children.wait().note


def test_a_child_cannot_exceed_its_memory_limit(tmp_path):
    children = Children(1, tmp_path, max_memory_bytes=50_000_000)
    children.start("greedy", lambda: bytearray(500_000_000) and None, timeout=HANG_SECONDS)
    assert "memory" in children.wait().note


def test_slots_are_counted(children):
    children.start("a", hang, timeout=HANG_SECONDS)
    assert children.has_slot
    children.start("b", hang, timeout=HANG_SECONDS)
    assert not children.has_slot
    children.kill_all()
    assert children.is_idle


def test_children_die_with_their_parent(tmp_path):
    note = tmp_path / "pid"
    parent = os.fork()
    if parent == 0:
        inner = Children(1, tmp_path)
        inner.start("orphan", lambda: note.write_text(str(os.getpid())) and hang(), timeout=HANG_SECONDS)
        inner.wait()
        os._exit(0)
    wait_until(note.exists)
    wait_until(lambda: note.read_text() != "")
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    wait_until(lambda: has_ended(int(note.read_text())))


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True
