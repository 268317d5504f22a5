from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from predictor.ml.execution.child_processes import Children


@pytest.fixture
def children(tmp_path):
    found = Children(2, tmp_path)
    yield found
    found.kill_all()


def test_a_child_leaves_what_it_found_in_a_file(children, tmp_path):
    children.start("fit", lambda: (tmp_path / "found").write_text("42") and None, timeout=60)
    assert children.wait().status == "done"
    assert (tmp_path / "found").read_text() == "42"
    assert children.is_idle


def test_a_child_past_its_deadline_is_killed(children):
    children.start("slow", lambda: time.sleep(600), timeout=0.05)
    ended = children.wait()
    assert (ended.key, ended.status) == ("slow", "timed out")
    assert children.is_idle


def test_a_child_that_fails_says_why(children):
    def fail():
        raise ValueError("no such thing")

    children.start("wrong", fail, timeout=60)
    ended = children.wait()
    assert ended.status == "failed"
    assert "no such thing" in ended.note
    assert "Traceback" in ended.traceback


def test_a_child_that_is_killed_says_by_what(children):
    children.start("killed", lambda: os.kill(os.getpid(), signal.SIGKILL), timeout=60)
    assert "SIGKILL" in children.wait().note


def test_a_child_cannot_take_more_memory_than_it_may(tmp_path):
    children = Children(1, tmp_path, max_memory_bytes=50_000_000)
    children.start("greedy", lambda: bytearray(500_000_000) and None, timeout=60)
    assert "memory" in children.wait().note


def test_slots_are_counted(children):
    children.start("a", lambda: time.sleep(600), timeout=600)
    assert children.has_slot
    children.start("b", lambda: time.sleep(600), timeout=600)
    assert not children.has_slot
    children.kill_all()
    assert children.is_idle


def test_children_die_with_their_parent(tmp_path):
    note = tmp_path / "pid"
    parent = os.fork()
    if parent == 0:
        inner = Children(1, tmp_path)
        inner.start("orphan", lambda: note.write_text(str(os.getpid())) and time.sleep(600), timeout=600)
        inner.wait()
        os._exit(0)
    wait_for(note.exists)
    wait_for(lambda: note.read_text() != "")
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    wait_for(lambda: has_ended(int(note.read_text())))


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("It did not happen in time.")
        time.sleep(0.01)
