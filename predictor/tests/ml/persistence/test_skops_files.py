"""Estimators as .skops files: nothing outside the allow-list is stored or constructed, and old files still load.

`data/` holds one .skops file for each class of our own, written by version 0.1.0 before `predictor.ml` had
subpackages, and what each answered then.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge, SGDClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from predictor.errors import DamagedArtifact, TrainingFailed
from predictor.ml.persistence import skops_files
from predictor.ml.persistence.skops_files import ALLOWED, MAX_SCHEMA_DEPTH, RENAMED
from predictor.ml.types.schema import Task

from ..mixed_table import fitted

DATA = Path(__file__).parent / "data"
ANSWERS = json.loads((DATA / "answers.json").read_text("utf-8"))
NAMES = sorted(set(ANSWERS) - {"rows"})


@pytest.mark.parametrize("name", NAMES)
def test_an_estimator_stored_under_its_former_module_loads_and_answers_the_same(name: str) -> None:
    [estimator] = skops_files.load((DATA / f"{name}.skops").read_bytes())
    assert type(estimator).__name__ == name
    rows = np.array(ANSWERS["rows"], np.float32)
    predict = estimator.predict_proba if hasattr(estimator, "predict_proba") else estimator.predict
    np.testing.assert_allclose(predict(rows), ANSWERS[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_an_estimator_that_is_stored_again_has_the_module_name_of_today(name: str) -> None:
    [estimator] = skops_files.load((DATA / f"{name}.skops").read_bytes())
    [again] = skops_files.load(skops_files.dump([estimator]))
    assert type(again) is type(estimator)


def with_schema(content: bytes, change: Any) -> bytes:
    """The .skops file with its schema changed."""
    packed, out = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        for entry in packed.infolist():
            data = packed.read(entry)
            if entry.filename == "schema.json":
                schema = json.loads(data)
                change(schema)
                data = json.dumps(schema).encode()
            target.writestr(entry.filename, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("module", "name", "loader"),
    [
        ("os", "system", "FunctionNode"),
        ("builtins", "eval", "FunctionNode"),
        ("sklearn.pipeline", "Pipeline", "ObjectNode"),
        ("numpy", "load", "FunctionNode"),
        ("operator", "methodcaller", "OperatorFuncNode"),
    ],
)
def test_a_skops_file_with_a_name_outside_the_allow_list_is_refused(
    module: str, name: str, loader: str
) -> None:
    pipeline, _ = fitted("ridge", Task.REGRESSION)
    content = skops_files.dump([pipeline.members[0].estimator])

    def add_node(schema: dict[str, Any]) -> None:
        schema["content"].append(
            {"__class__": name, "__module__": module, "__loader__": loader, "content": {}}
        )

    with pytest.raises(DamagedArtifact, match=f"not allowed: .*{module}.{name}"):
        skops_files.load(with_schema(content, add_node))


def test_an_estimator_outside_the_allow_list_is_not_stored() -> None:
    with pytest.raises(TrainingFailed, match="stochastic_gradien"):
        skops_files.dump([SGDClassifier()])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04\x95cos\nsystem\n", b"x" * 1000])
def test_a_file_that_is_not_skops_is_refused(content: bytes) -> None:
    with pytest.raises(DamagedArtifact):
        skops_files.load(content)


def test_deep_nesting_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        target.writestr("schema.json", "[" * 500 + "]" * 500)
    with pytest.raises(DamagedArtifact):
        skops_files.load(out.getvalue())


X = np.arange(20.0).reshape(10, 2)


@pytest.fixture(scope="module")
def content() -> bytes:
    return skops_files.dump([Ridge().fit(X, X[:, 0])])


def test_estimators_come_back_in_their_order() -> None:
    ridge, tree = Ridge().fit(X, X[:, 0]), DecisionTreeRegressor(max_depth=2).fit(X, X[:, 0])

    again = skops_files.load(skops_files.dump([ridge, tree]))

    assert [type(each) for each in again] == [Ridge, DecisionTreeRegressor]
    assert np.array_equal(again[0].coef_, ridge.coef_)
    assert np.array_equal(again[1].predict(X), tree.predict(X))


def test_every_allowed_name_exists() -> None:
    for name in ALLOWED:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name


def test_every_former_name_stands_for_an_allowed_one_of_another_module() -> None:
    assert set(RENAMED.values()) <= ALLOWED
    assert not RENAMED.keys() & ALLOWED
    for old, new in RENAMED.items():
        assert old.rpartition(".")[2] == new.rpartition(".")[2]


def test_a_stored_file_is_audited_without_a_complaint(content: bytes) -> None:
    assert skops_files.audit(content) == []


def test_every_name_outside_the_allow_list_is_reported_once_and_in_order(content: bytes) -> None:
    def add_nodes(schema: dict[str, Any]) -> None:
        node = {"__class__": "Popen", "__module__": "subprocess", "__loader__": "ObjectNode"}
        hidden = {"anywhere": [{"deeper": node}], "__class__": "system", "__module__": "os"}
        schema["content"] += [node, hidden, {"__loader__": "ReduceNode"}]

    assert skops_files.audit(with_schema(content, add_nodes)) == [
        "ReduceNode",
        "os.system",
        "subprocess.Popen",
    ]


@pytest.mark.parametrize("node", [{"__class__": "system"}, {"__module__": "os"}])
def test_half_a_name_is_no_allowed_name(content: bytes, node: dict[str, Any]) -> None:
    assert len(skops_files.audit(with_schema(content, lambda schema: schema["content"].append(node)))) == 1


def test_a_refused_estimator_is_never_constructed(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    import skops.io

    monkeypatch.setattr(skops.io, "loads", lambda *_, **__: pytest.fail("It was constructed."))
    node = {
        "__class__": "StandardScaler",
        "__module__": "sklearn.preprocessing._data",
        "__loader__": "ObjectNode",
    }

    with pytest.raises(DamagedArtifact, match=r"not allowed: “sklearn\.preprocessing\._data\.StandardScal"):
        skops_files.load(with_schema(content, lambda schema: schema["content"].append(node)))
    with pytest.raises(TrainingFailed, match="cannot be stored safely"):
        skops_files.dump([StandardScaler().fit(X)])


@pytest.mark.parametrize(
    ("depth", "is_refused"), [(MAX_SCHEMA_DEPTH - 1, False), (MAX_SCHEMA_DEPTH + 1, True)]
)
def test_nesting_is_audited_down_to_a_limit(depth: int, is_refused: bool) -> None:
    schema: Any = 1
    for _ in range(depth):
        schema = [schema]

    refused = skops_files.audit(archive_of(json.dumps(schema)))

    assert refused == (["too deep nesting"] if is_refused else [])


def archive_of(schema: str, **files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("schema.json", schema)
        for name, data in files.items():
            target.writestr(name, data)
    return out.getvalue()


def test_a_file_that_unpacks_to_more_than_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = archive_of("{}", zeros=bytes(100_000))
    assert len(bomb) < 1_000

    monkeypatch.setattr(skops_files, "MAX_UNPACKED_BYTES", 100_002)
    assert skops_files.audit(bomb) == []
    monkeypatch.setattr(skops_files, "MAX_UNPACKED_BYTES", 100_001)
    with pytest.raises(DamagedArtifact, match="too large to be unpacked"):
        skops_files.load(bomb)


@given(place=st.integers(0, 10_000), value=st.integers(0, 255), is_cut=st.booleans())
@settings(max_examples=50, deadline=None)
def test_a_file_with_a_changed_byte_or_without_its_end_is_loaded_as_it_was_or_refused(
    content: bytes, place: int, value: int, is_cut: bool
) -> None:
    place %= len(content)
    damaged = content[:place] + (b"" if is_cut else bytes([value]) + content[place + 1 :])

    try:
        [ridge] = skops_files.load(damaged)
    except DamagedArtifact:
        return

    assert np.array_equal(ridge.coef_, Ridge().fit(X, X[:, 0]).coef_)


@pytest.mark.parametrize("byte", [0xFF, 0x01], ids=["no block type", "a stored block of no length"])
def test_an_archive_whose_compressed_schema_is_damaged_is_refused(content: bytes, byte: int) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        start = archive.getinfo("schema.json").header_offset
    # The data follow a header of 30 bytes, the name, and what is called the extra field (APPNOTE.TXT, 4.3.7).
    start += 30 + int.from_bytes(content[start + 26 : start + 28], "little")
    damaged = bytearray(content)
    damaged[start] = byte

    with pytest.raises(DamagedArtifact, match=r"not a \.skops file"):
        skops_files.load(bytes(damaged))


def test_an_encrypted_archive_is_refused(content: bytes) -> None:
    # Bit 0 of the flags in the central directory (APPNOTE.TXT of PKWARE, 4.4.4) says that a file is encrypted.
    entry = content.rindex(b"PK\x01\x02")
    encrypted = bytearray(content)
    encrypted[entry + 8] |= 1

    with pytest.raises(DamagedArtifact, match=r"not a \.skops file"):
        skops_files.load(bytes(encrypted))


def test_an_archive_without_a_schema_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        target.writestr("other.json", "{}")

    with pytest.raises(DamagedArtifact, match=r"not a \.skops file"):
        skops_files.load(out.getvalue())


def test_a_file_whose_arrays_are_missing_is_refused(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = archive.read("schema.json").decode()

    with pytest.raises(DamagedArtifact, match="cannot be read"):
        skops_files.load(archive_of(schema))


def test_a_file_of_another_object_than_a_list_is_refused() -> None:
    import skops.io

    with pytest.raises(DamagedArtifact, match="does not hold a list of estimators"):
        skops_files.load(skops.io.dumps(Ridge()))


def test_former_module_names_exist_only_while_a_file_is_constructed() -> None:
    former = {name.rpartition(".")[0] for name in RENAMED}

    skops_files.load((DATA / "NearestCentre.skops").read_bytes())
    assert not former & sys.modules.keys()

    content = skops_files.dump([Ridge().fit(X, X[:, 0])])
    with pytest.raises(DamagedArtifact), zipfile.ZipFile(io.BytesIO(content)) as archive:
        skops_files.load(archive_of(archive.read("schema.json").decode()))
    assert not former & sys.modules.keys()


def test_files_are_loaded_by_several_threads_at_once() -> None:
    contents = [(DATA / f"{name}.skops").read_bytes() for name in NAMES for _ in range(3)]
    loaded: list[str] = []

    threads = [
        threading.Thread(target=lambda each=each: loaded.append(type(skops_files.load(each)[0]).__name__))
        for each in contents
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(loaded) == sorted(NAMES * 3)
