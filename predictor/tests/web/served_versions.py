"""A small version that really predicts: every role, missing values, and column names made to break pages."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.ml.calibration.conformal import REPORTED_COVERAGES, ConformalIntervals, coverage_report
from predictor.ml.calibration.decision_thresholds import Scores
from predictor.ml.calibration.probability_calibration import calibrated
from predictor.ml.estimators.catalogue import CATALOGUE
from predictor.ml.evaluation.evaluation_report import Baseline, decision, dummy_predictions, evaluate
from predictor.ml.evaluation.slices import Slice
from predictor.ml.explanation.background import Background
from predictor.ml.explanation.partial_dependence import dependence
from predictor.ml.features.feature_spec import FeatureSpec
from predictor.ml.onnx_export.parity import compile_checked
from predictor.ml.persistence import version_files
from predictor.ml.pipelines.fitted_pipeline import FittedPipeline, Member
from predictor.ml.search.learning_curve import interpret_curve
from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.ml.validation.target import Target
from predictor.ml.validation.training_table import TrainingTable
from predictor.models import ModelVersion, RegisteredModel
from predictor.services import artifacts
from predictor.tests.services.versions import publish

EVIL_NUMBER, EVIL_CATEGORY, EVIL_TEXT = "<script>alert(1)</script>", "{{7*7}}", "__proto__"
CLASSES = ("stay", "<b>leave</b>")
SHOPS = tuple(f"shop {number}" for number in range(60))

FIELDS = (
    FeatureField("age", Role.NUMERIC, True, True, 18.0, 90.0, 40.0),
    FeatureField("member", Role.BOOLEAN, True, typical=True),
    FeatureField(
        "joined", Role.DATETIME, True, minimum="2019-03-01", maximum="2022-05-02", typical="2020-06-07"
    ),
    FeatureField("plan", Role.CATEGORICAL, True, typical="basic", levels=("basic", "plus", " pro ")),
    FeatureField("shop", Role.CATEGORICAL, True, typical="shop 0", levels=SHOPS),
    FeatureField(EVIL_TEXT, Role.TEXT, True, typical="word one"),
    FeatureField(EVIL_NUMBER, Role.NUMERIC, False, False, -1.0, 1.0, 0.25),
    FeatureField(EVIL_CATEGORY, Role.CATEGORICAL, True, typical="a", levels=("a", "b")),
)
SIGNATURE = Signature(target="y", task=Task.BINARY, fields=FIELDS, classes=CLASSES)
ROW = {
    "age": 33, "member": False, "joined": "2021-02-03", "plan": " pro ", "shop": "shop 7",
    EVIL_TEXT: "two words", EVIL_NUMBER: -0.125, EVIL_CATEGORY: None,
}  # fmt: skip


def columns(n: int = 200) -> dict[str, NDArray[Any]]:
    draw = np.random.default_rng(0)
    return {
        "age": draw.integers(18, 90, n).astype(np.float64),
        "member": (draw.random(n) < 0.6).astype(np.float64),
        "joined": np.datetime64("2019-03-01", "us") + draw.integers(0, 10**14, n).astype("timedelta64[us]"),
        "plan": np.array(["basic", "plus", " pro ", None], object)[draw.integers(0, 4, n)],
        "shop": np.array(SHOPS, object)[draw.integers(0, 60, n)],
        EVIL_TEXT: np.array(["word one", "two words", "three"], object)[draw.integers(0, 3, n)],
        EVIL_NUMBER: draw.uniform(-1, 1, n),
        EVIL_CATEGORY: np.array(["a", "b"], object)[draw.integers(0, 2, n)],
    }


@dataclass(frozen=True)
class Trained:
    """The results of a training run: the files, and the fields of the version."""

    files: dict[str, bytes]
    is_compiled: bool
    parity: dict[str, Any]
    report: dict[str, Any]


@cache
def trained() -> Trained:
    """Fitted, compiled and evaluated once for all tests."""
    table = columns()
    y = (table["age"] / 60 + table[EVIL_NUMBER] > 1).astype(np.intp)
    info = CATALOGUE["logistic_regression"]
    roles = {field.name: field.role for field in FIELDS}
    spec, matrix = FeatureSpec.fit_transform(table, roles, info.encoding, y=y, task=Task.BINARY, n_classes=2)
    estimator = info.build(Task.BINARY, {}, categorical_mask=spec.categorical_mask)
    info.fit(estimator, matrix, y)
    pipeline = FittedPipeline(spec, (Member(estimator, tuple(range(matrix.shape[1]))),), Task.BINARY, 2)
    compiled, parity = compile_checked(pipeline, table)
    target = Target(name="y", task=Task.BINARY, y=y, classes=CLASSES)
    found = pipeline.predict(table).probabilities
    assert found is not None
    report = evaluate(
        target, found, [Baseline("dummy", "No features", dummy_predictions(target, len(y)))], {}, seed=0,
        importance=[{"column": field.name, "mean": 0.1, "spread": 0.01} for field in FIELDS],
        importance_rows=len(y),
    ).to_json()  # fmt: skip
    uncertainty = ConformalIntervals.fit(Task.BINARY, y, found)
    assert uncertainty is not None
    report["coverage"] = coverage_report(uncertainty, y, found, REPORTED_COVERAGES)
    report["dependence"] = dependence(
        pipeline, TrainingTable(table, roles, target), order=list(roles), seed=0, max_seconds=60.0
    )
    report["calibration"] = {
        **calibrated(found, y, [np.arange(len(y))]).to_json(), "held_out": {"before": 0.2, "after": 0.2}
    }  # fmt: skip
    rows = (y == 1, found[:, 1])
    scores = Scores(rows, rows, {"dummy": np.full(len(y), y.mean())})
    report["decision"] = decision(None, CLASSES[1], held_out=rows, out_of_fold=rows)
    report["learning_curve"] = interpret_curve(
        "log_loss", "Ridge", (25, 50, 100), [[0.6, 0.5, 0.45]] * 3
    ).to_json()
    report["slices"] = [
        Slice(EVIL_CATEGORY, f"“{EVIL_CATEGORY}” is “a”", 40, "log_loss", 0.6, 0.4, 0.3, 0.1, 0.001).to_json()
    ]
    report["n_slices_tested"] = 9
    golden = {name: values[:5] for name, values in table.items()}
    with tempfile.TemporaryDirectory() as folder:
        stored = version_files.write(
            Path(folder),
            pipeline=pipeline,
            signature=SIGNATURE,
            compiled=compiled,
            golden=golden,
            uncertainty=uncertainty,
            background=Background(table),
        )
        stored[version_files.EXAMPLES] = version_files.write_examples(Path(folder), table, y)
        stored[version_files.SCORES] = version_files.write_scores(Path(folder), scores.to_json())
        files = {name: file.path.read_bytes() for name, file in stored.items()}
    return Trained(files, compiled is not None, parity.to_json(), report)


def publish_served(model: RegisteredModel) -> ModelVersion:
    """Publish the next version of the model, with real files and a real evaluation."""
    made = trained()
    version = publish(
        model,
        task="binary",
        signature=SIGNATURE.to_json(),
        is_compiled=made.is_compiled,
        parity=made.parity,
        report=made.report,
        metrics=made.report["held_out"],
        warnings=[
            {
                "message": "Possible leak: the column “age” alone predicts “y”.",
                "column": "age",
                "kind": "leak",
            },
            {"message": "3 rows were left out.", "column": None, "kind": None},
        ],
        libraries={"numpy": "2"},
    )
    version.artifacts = {
        name: {"digest": artifacts.put_bytes(content), "n_bytes": len(content)}
        for name, content in made.files.items()
    }
    version.save(update_fields=["artifacts"])
    return version
