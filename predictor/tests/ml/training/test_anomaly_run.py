from __future__ import annotations

import json

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from predictor.errors import InvalidHyperparameters
from predictor.ml.execution.progress import Reporter
from predictor.ml.inference.loading import load_predictor
from predictor.ml.persistence.version_files import load_pipeline
from predictor.ml.training import anomaly_run
from predictor.ml.training.request_checks import check_request
from predictor.ml.types.schema import Role, Signature, Task

from ..planted import ODD_ROLES, odd_rows
from ..tables_for_tests import write_request

PARAMS = {"n_estimators": 30, "max_samples": 512, "contamination": 0.02}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def ran(one_thread, tmp_path_factory):
    """A complete run on three planted anomalies: its folder, request and result.json."""
    folder = tmp_path_factory.mktemp("anomalies")
    columns, _ = odd_rows()
    request = write_request(
        folder, columns, ODD_ROLES, "", task=Task.ANOMALY, estimator="isolation_forest", params=PARAMS
    )
    anomaly_run.run(request, folder, Reporter())
    return folder, request, json.loads((folder / "result.json").read_text())


def test_planted_anomalies_come_first_each_with_its_reason(ran):
    _, odd = odd_rows()
    report = ran[2]["report"]
    first = report["rows"][:3]
    assert {each["row"] - 1 for each in first} == set(odd)
    reasons = {each["row"] - 1: " ".join(each["reasons"]) for each in report["rows"]}
    assert "amount 900: higher than in every other row" in reasons[7]
    assert "shop “moon”: < 1 % of the rows" in reasons[101]
    assert "amount -400: lower than in every other row" in reasons[333]
    assert first[0]["score"] > 0.99
    assert report["verdict"]["is_better"]
    assert report["columns"][0]["column"] in ("amount", "hours")
    assert sum(report["histogram"]["counts"]) == 500


def test_the_stored_version_predicts_as_fitted_and_flags_about_the_requested_share(ran):
    folder, _, result = ran
    files = {name: folder / file["path"] for name, file in result["artifacts"].items()}
    signature = Signature.from_json(result["signature"])
    assert (signature.target, signature.classes) == ("", ())
    predictor = load_predictor(files, signature)
    predictor.check_golden()
    assert predictor.is_compiled
    assert predictor.threshold == pytest.approx(0.98)
    columns, odd = odd_rows(2_000, seed=5)
    scores = predictor.predict(columns).values
    assert scores == pytest.approx(load_pipeline(files).predict(columns).values, abs=1e-5)
    assert (scores[odd] >= predictor.threshold).all()
    assert 0.005 < float((scores >= predictor.threshold).mean()) < 0.05


def test_the_same_seed_gives_the_same_scores(ran, tmp_path):
    _, request, result = ran
    anomaly_run.run(request, tmp_path, Reporter())
    again = json.loads((tmp_path / "result.json").read_text())
    assert again["artifacts"]["model.onnx"]["sha256"] == result["artifacts"]["model.onnx"]["sha256"]
    assert again["report"] == result["report"]


def test_the_verdict_on_a_table_without_anomalies_says_that_there_are_none(tmp_path):
    columns = {f"x{number}": np.tile(np.arange(10.0), 10) + number for number in range(2)}
    request = write_request(
        tmp_path, columns, dict.fromkeys(columns, Role.NUMERIC), "", task=Task.ANOMALY, params=PARAMS
    )
    anomaly_run.run(request, tmp_path, Reporter())
    verdict = json.loads((tmp_path / "result.json").read_text())["report"]["verdict"]
    assert verdict["sentence"].startswith("No row stands out clearly")
    assert not verdict["is_better"]


def test_auto_takes_the_only_estimator_with_its_hyperparameters(ran):
    _, request, _ = ran
    auto = type(request)(**{**vars(request), "estimator": "auto"})
    assert check_request(auto) is Task.ANOMALY
    with pytest.raises(InvalidHyperparameters, match=r"contamination.*0\.001 to 0\.3"):
        check_request(type(request)(**{**vars(auto), "params": {"contamination": 0.9}}))
