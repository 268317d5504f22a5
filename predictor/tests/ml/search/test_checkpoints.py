"""Finished fits on disk: what was saved is loaded again, and nothing half written is."""

from __future__ import annotations

import json
import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from predictor.ml.search import checkpoints as module
from predictor.ml.search.checkpoints import Checkpoints, FoldFit

FIT = FoldFit(
    predictions=np.array([[0.5, 1.5], [2.5, 3.5]], np.float32),
    stages=({"alpha": 0.1}, {"alpha": 10.0}),
    seconds=(0.25, 0.5),
    fit_seconds=0.75,
    predict_ms=1.25,
    size_bytes=40,
    is_cut=True,
)

numbers = st.floats(0, 1e9, allow_nan=False)
stages = st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), numbers, st.text(), st.none()))


@st.composite
def fold_fits(draw):
    shape = draw(array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=4))
    return FoldFit(
        predictions=draw(arrays(np.float32, shape, elements=st.floats(width=32))),
        stages=tuple(draw(st.lists(stages, min_size=shape[0], max_size=shape[0]))),
        seconds=tuple(draw(st.lists(numbers, min_size=shape[0], max_size=shape[0]))),
        fit_seconds=draw(numbers),
        predict_ms=draw(numbers),
        size_bytes=draw(st.integers(0, 2**50)),
        is_cut=draw(st.booleans()),
    )


@given(fold_fits())
@settings(max_examples=40, deadline=None)
def test_a_saved_fit_is_loaded_bit_for_bit(fit):
    with tempfile.TemporaryDirectory() as folder:
        Checkpoints.open(Path(folder), "a-digest").save("ridge-0", fit)

        # NaN and infinity are predictions, too: the search finds them and drops the candidate.
        loaded = Checkpoints.open(Path(folder), "a-digest").load("ridge-0")

        assert loaded is not None
        assert loaded.predictions.dtype == np.float32
        assert loaded.predictions.shape == fit.predictions.shape
        assert loaded.predictions.tobytes() == fit.predictions.tobytes()
        assert replace(loaded, predictions=None) == replace(fit, predictions=None)


def test_fits_of_another_request_are_not_reused(tmp_path):
    Checkpoints.open(tmp_path, "one").save("ridge-0", FIT)

    assert Checkpoints.open(tmp_path, "one").folder != Checkpoints.open(tmp_path, "two").folder
    assert Checkpoints.open(tmp_path, "two").load("ridge-0") is None
    assert Checkpoints.open(tmp_path, "one").load("ridge-0") is not None


def test_a_subfolder_has_fits_of_its_own(tmp_path):
    whole = Checkpoints.open(tmp_path, "a-digest")
    whole.save("ridge-0", FIT)

    small = whole.subfolder("small")
    small.save("boosting-0", FIT)

    assert small.load("ridge-0") is None
    assert whole.load("boosting-0") is None
    assert whole.subfolder("small").load("boosting-0") is not None


def test_saving_leaves_no_temporary_file(tmp_path):
    checkpoints = Checkpoints.open(tmp_path, "a-digest")

    checkpoints.save("ridge-0", FIT)

    assert sorted(path.name for path in checkpoints.folder.iterdir()) == ["ridge-0.json", "ridge-0.npy"]


def killed(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize("step", ["np.save", "write_json"])
def test_a_fit_that_was_killed_while_it_was_written_does_not_count(step, tmp_path, monkeypatch):
    checkpoints = Checkpoints.open(tmp_path, "a-digest")
    owner, name = (module.np, "save") if step == "np.save" else (module, "write_json")
    monkeypatch.setattr(owner, name, killed)

    with pytest.raises(KeyboardInterrupt):
        checkpoints.save("ridge-0", FIT)

    assert checkpoints.load("ridge-0") is None
    assert not (checkpoints.folder / "ridge-0.json").exists()


def changed_facts(**changes):
    facts = {
        "stages": [{}],
        "seconds": [1.0],
        "fit_seconds": 1.0,
        "predict_ms": 1.0,
        "size_bytes": 1,
        "is_cut": False,
    }
    return json.dumps({name: each for name, each in {**facts, **changes}.items() if each is not ...}).encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ridge-0.json", b""),
        ("ridge-0.json", b'{"stages": ['),
        ("ridge-0.json", b"[]"),
        ("ridge-0.json", b"\xff\xfe"),
        ("ridge-0.json", changed_facts(stages=...)),
        ("ridge-0.json", changed_facts(seconds=None)),
        ("ridge-0.json", changed_facts(unknown=1)),
        ("ridge-0.npy", b""),
        ("ridge-0.npy", b"torn"),
        ("ridge-0.npy", None),
    ],
)
def test_a_damaged_fit_is_fitted_again(name, content, tmp_path):
    checkpoints = Checkpoints.open(tmp_path, "a-digest")
    checkpoints.save("ridge-0", FIT)
    path = checkpoints.folder / name
    path.unlink() if content is None else path.write_bytes(content)

    assert checkpoints.load("ridge-0") is None


def test_arrays_that_were_cut_off_are_not_loaded(tmp_path):
    checkpoints = Checkpoints.open(tmp_path, "a-digest")
    checkpoints.save("ridge-0", FIT)
    path = checkpoints.folder / "ridge-0.npy"
    path.write_bytes(path.read_bytes()[:-1])

    assert checkpoints.load("ridge-0") is None


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("It was unpickled.",))


def test_a_pickle_in_place_of_the_arrays_is_not_unpickled(tmp_path):
    checkpoints = Checkpoints.open(tmp_path, "a-digest")
    checkpoints.save("ridge-0", FIT)
    array = np.array([Bomb()], object)
    with (checkpoints.folder / "ridge-0.npy").open("wb") as file:
        np.save(file, array, allow_pickle=True)

    assert checkpoints.load("ridge-0") is None


def test_a_document_is_read_as_it_was_written_or_not_at_all(tmp_path):
    checkpoints = Checkpoints.open(tmp_path, "a-digest")
    checkpoints.write_json("judged-0.json", {"title": "Größe", "score": None})

    assert checkpoints.read_json("judged-0.json") == {"title": "Größe", "score": None}
    assert checkpoints.read_json("judged-1.json") is None
    (checkpoints.folder / "judged-0.json").write_bytes(b'{"title": ')
    assert checkpoints.read_json("judged-0.json") is None


def test_a_document_with_a_number_that_json_cannot_hold_is_not_written(tmp_path):
    checkpoints = Checkpoints.open(tmp_path, "a-digest")

    with pytest.raises(ValueError, match="JSON compliant"):
        checkpoints.write_json("judged-0.json", {"score": math.nan})

    assert checkpoints.read_json("judged-0.json") is None
