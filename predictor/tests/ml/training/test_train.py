"""The training child as its supervisor sees it: lines on standard output, exit codes, files."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from predictor.ml.inference.loading import load_predictor
from predictor.ml.persistence import version_files
from predictor.ml.types.schema import Role, Signature, Task
from predictor.ml.types.split import SplitBy, SplitKind
from predictor.ml.types.threshold_rule import ThresholdRule
from predictor.ml.types.training_request import TrainingLimits, TrainingRequest
from predictor.tests.waiting import HANG_SECONDS, wait_until

from ..tables_for_tests import ROLES, classification_table, columns_of, regression_table, write_request

PROJECT = Path(__file__).resolve().parents[4]


def asked(folder, *, make=regression_table, n_rows=120, **options):
    table = make(n_rows)
    is_text = table.task.is_classification
    labels = (
        np.array([table.target.classes[code] for code in table.target.y], dtype=object) if is_text else None
    )
    columns = {**table.columns, "y": table.target.y if labels is None else labels}
    roles = {**ROLES, "y": Role.CATEGORICAL if is_text else Role.NUMERIC}
    options = {"estimator": "ridge", "budget_seconds": 60.0, **options}
    return write_request(folder, columns, roles, "y", **options)


def start(request: TrainingRequest, folder: Path) -> subprocess.Popen[str]:
    (folder / "request.json").write_text(json.dumps(request.to_json()))
    command = [
        sys.executable,
        "-m",
        "predictor.ml.training.train",
        str(folder / "request.json"),
        str(folder / "run"),
    ]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(child: subprocess.Popen[str]) -> tuple[int, list[dict]]:
    out, _ = child.communicate(timeout=HANG_SECONDS)
    return child.returncode, [json.loads(line) for line in out.splitlines()]


def result_of(folder: Path) -> dict:
    return json.loads((folder / "run" / "result.json").read_text())


def test_a_costly_rare_class_that_comes_first_in_the_alphabet_is_found(tmp_path):
    """A missed fraud costs 50 false ones: nearly all frauds are caught, not nearly all others."""
    rng = np.random.default_rng(0)
    amount = rng.normal(size=800)
    label = np.where(rng.random(800) < 1 / (1 + np.exp(4 - 2 * amount)), "fraud", "ok").astype(object)
    columns = {"amount": amount, "y": label}
    roles = {"amount": Role.NUMERIC, "y": Role.CATEGORICAL}
    rule = ThresholdRule("cost", (1.0, 50.0))
    request = write_request(
        tmp_path, columns, roles, "y", estimator="logistic_regression", budget_seconds=60.0, threshold=rule
    )

    code, events = finished(start(request, tmp_path))

    assert code == 0, events
    result = result_of(tmp_path)
    decision = result["report"]["decision"]
    assert (result["signature"]["positive_class"], decision["positive"]) == ("fraud", "fraud")
    # Elkan: 1 / (1 + 50), unless the probabilities are off.
    assert decision["threshold"] == pytest.approx(1 / 51, rel=1e-4)
    held_out = decision["held_out"]
    assert held_out["false_negative"] <= 0.1 * (held_out["false_negative"] + held_out["true_positive"])
    assert result["metrics"]["recall"] == held_out["recall"] > 0.9
    files = {name: tmp_path / "run" / file["path"] for name, file in result["artifacts"].items()}
    predictor = load_predictor(files, Signature.from_json(result["signature"]))
    answer = predictor.answer({"amount": amount})
    is_caught = answer.probabilities[:, 0] >= decision["threshold"]
    assert answer.codes.tolist() == np.where(is_caught, 0, 1).tolist()


def test_a_run_leaves_a_version_that_serves(tmp_path):
    request = asked(tmp_path)
    code, events = finished(start(request, tmp_path))
    assert code == 0, events
    assert events[-1]["event"] == "finished"
    assert {"started", "progress", "candidate"} <= {event["event"] for event in events}
    result = result_of(tmp_path)
    for file in result["artifacts"].values():
        content = (tmp_path / "run" / file["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        assert len(content) == file["size_bytes"]
    signature = Signature.from_json(result["signature"])
    assert set(signature.names) == {"age", "income", "city"}
    files = {name: tmp_path / "run" / file["path"] for name, file in result["artifacts"].items()}
    columns = columns_of(10, seed=3)
    assert np.isfinite(load_predictor(files, signature).predict(columns).values).all()
    assert result["is_compiled"]
    assert result["report"]["verdict"]["is_better"]
    assert [each["key"] for each in result["report"]["baselines"]] == ["dummy", "boosting"]
    assert set(result["report"]["intervals"]) == set(result["metrics"])
    curves = result["report"]["dependence"]
    named = [each["column"] for each in [*curves["features"], *curves["skipped"]]]
    assert sorted(named) == sorted(signature.names)
    examples = version_files.read_examples(files[version_files.EXAMPLES].read_bytes(), signature, {})
    assert len(examples) == result["n_rows"]
    assert result["metrics"]["r2"] > 0.5
    assert result["leaderboard"][0]["weight"] == 1.0
    assert not result["is_budget_limited"]


def test_auto_on_classes_blends_or_chooses_within_a_small_budget(tmp_path):
    request = asked(tmp_path, make=classification_table, estimator="auto", budget_seconds=4.0)
    code, events = finished(start(replace(request, limits=TrainingLimits(n_threads=2)), tmp_path))
    assert code == 0, events
    result = result_of(tmp_path)
    assert result["task"] == "binary"
    assert result["signature"]["classes"] == ["no", "yes"]
    assert result["report"]["baselines"][0]["key"] == "dummy"
    assert sum(entry["weight"] for entry in result["leaderboard"]) == pytest.approx(1)


def test_a_refused_target_ends_with_its_own_code_and_a_sentence(tmp_path):
    request = asked(tmp_path)
    constant = replace(
        request, roles={"age": Role.IDENTIFIER, "income": Role.IDENTIFIER, "city": Role.IDENTIFIER}
    )
    code, events = finished(start(constant, tmp_path))
    assert code == 3
    assert events[-1]["kind"] == "refused"
    assert "No feature is left" in events[-1]["message"]
    assert not (tmp_path / "run" / "result.json").exists()


def test_an_unreadable_request_ends_with_its_own_code(tmp_path):
    (tmp_path / "request.json").write_text("{")
    command = [
        sys.executable,
        "-m",
        "predictor.ml.training.train",
        str(tmp_path / "request.json"),
        str(tmp_path / "run"),
    ]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert json.loads(ended.stdout)["event"] == "failed"


def test_a_fault_of_ours_says_so_and_keeps_the_traceback_apart(tmp_path):
    request = asked(tmp_path)
    Path(request.parquet).write_bytes(b"not a table")
    code, events = finished(start(request, tmp_path))
    assert code == 1
    assert events[-1]["kind"] == "crashed"
    assert str(tmp_path) not in events[-1]["message"]
    assert "Traceback" in events[-1]["traceback"]


def test_missing_targets_and_leaks_are_warned_of(tmp_path):
    table = regression_table(150)
    y = table.target.y.copy()
    y[:10] = np.nan
    columns = {**table.columns, "copy": table.target.y * 2, "y": y}
    roles = {**ROLES, "copy": Role.NUMERIC, "y": Role.NUMERIC}
    request = write_request(tmp_path, columns, roles, "y", estimator="ridge")
    code, events = finished(start(request, tmp_path))
    assert code == 0
    warned = {event["column"]: event["message"] for event in events if event["event"] == "warning"}
    assert "10 of 150 rows" in warned["y"]
    assert "Possible leak" in warned["copy"]
    kinds = {each["column"]: each["kind"] for each in result_of(tmp_path)["warnings"]}
    assert kinds == {"y": None, "copy": "leak"}
    assert kinds == {event["column"]: event["kind"] for event in events if event["event"] == "warning"}


def test_later_rows_or_whole_groups_judge_and_the_groups_are_no_feature(tmp_path):
    table = regression_table(150)
    day, person = np.arange(150.0), np.array([f"p{n % 15}" for n in range(150)], dtype=object)
    columns = {**table.columns, "day": day, "person": person, "y": table.target.y}
    roles = {**ROLES, "day": Role.NUMERIC, "person": Role.CATEGORICAL, "y": Role.NUMERIC}
    for kind, column in (("time", "day"), ("group", "person")):
        folder = tmp_path / kind
        split = SplitBy(SplitKind(kind), column)
        request = write_request(folder, columns, roles, "y", estimator="ridge", split=split)
        code, events = finished(start(request, folder))
        assert code == 0, events
        result = result_of(folder)
        report = result["report"]
        assert report["n_rows"] == 30
        assert report["conditions"]["split"] == {"kind": kind, "column": column}
        assert {each["key"] for each in report["baselines"]} <= {"dummy", "boosting"}
        assert ("person" in [each["name"] for each in result["signature"]["fields"]]) == (kind == "time")


def test_after_kill_9_finished_fits_are_taken_up_and_the_answer_is_the_same(tmp_path):
    options = {"estimator": "extra_trees", "params": {"n_estimators": 30}}
    whole = tmp_path / "whole"
    code, _ = finished(start(asked(whole, **options), whole))
    assert code == 0
    torn = tmp_path / "torn"
    request = asked(torn, **options)
    child = start(request, torn)
    assert child.stdout is not None
    for line in child.stdout:
        if "fold 3 of" in line:
            break
    child.send_signal(signal.SIGKILL)
    child.communicate()
    kept = {path: path.stat().st_mtime_ns for path in (torn / "run").rglob("extra_trees-[01].npy")}
    assert kept
    assert not (torn / "run" / "result.json").exists()
    code, events = finished(start(request, torn))
    assert code == 0
    fitted = [
        event["message"] for event in events if event["event"] == "progress" and "fold" in event["message"]
    ]
    assert len(fitted) <= 5 - len(kept)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert result_of(torn)["metrics"] == result_of(whole)["metrics"]


def test_its_children_end_with_it(tmp_path):
    request = asked(tmp_path, n_rows=3000, estimator="gradient_boosting", params={"n_estimators": 1000})
    child = start(request, tmp_path)
    assert child.stdout is not None
    for line in child.stdout:
        if "fold 1 of" in line:
            break
    children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
    wait_until(lambda: children.read_text().split(), "a child")
    found = children.read_text().split()
    child.kill()
    child.communicate()
    wait_until(lambda: not any(is_alive(pid) for pid in found), "the end of the children")


def is_alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(("task", "estimator"), [(Task.CLUSTERING, "kmeans"), (Task.ANOMALY, "auto")])
def test_a_run_without_a_target_leaves_a_version(tmp_path, task, estimator):
    params = {"n_clusters": 2} if task is Task.CLUSTERING else {"n_estimators": 10}
    request = write_request(
        tmp_path,
        columns_of(60),
        ROLES,
        "",
        task=task,
        estimator=estimator,
        params=params,
        budget_seconds=20.0,
    )
    code, events = finished(start(request, tmp_path))
    assert code == 0, events
    result = result_of(tmp_path)
    assert (result["task"], result["target"], result["is_compiled"]) == (task.value, "", True)
    assert [entry["weight"] for entry in result["leaderboard"]] == [1.0]
    assert "60 rows" in " ".join(warning["message"] for warning in result["warnings"])
