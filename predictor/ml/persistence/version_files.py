"""Persistence: write and read the files of a model version.

Always: spec.json, model.skops, golden.json (rows with their predictions, to check a loaded version). Where the version
has them: model.onnx, uncertainty.json (conformal intervals or sets), background.json (background rows for Shapley
values), scores.json (predictions to choose and evaluate another threshold; `decision_thresholds.Scores`) and
examples.json (training rows to find nearest examples in; `Examples`), held_out.json (predictions for held-out rows, to
compare with another version; for two classes scores.json has them). None of them is ever unpickled.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DamagedArtifact
from ..calibration.conformal import ConformalIntervals
from ..calibration.probability_calibration import Calibration
from ..execution.json_files import write_bytes
from ..explanation.background import Background
from ..explanation.nearest_examples import MAX_BYTES, Examples
from ..features.columns import Columns
from ..features.feature_spec import FeatureSpec
from ..onnx_export.session import CHUNK_ROWS, Session, refuse_external_data
from ..pipelines.fitted_pipeline import FittedPipeline, Member, Outputs, TargetScaling
from ..types.schema import Signature, Task

SPEC, ONNX, SKOPS, GOLDEN = "spec.json", "model.onnx", "model.skops", "golden.json"
UNCERTAINTY, BACKGROUND = "uncertainty.json", "background.json"
SCORES, EXAMPLES, FORECAST = "scores.json", "examples.json", "forecast.json"
HELD_OUT = "held_out.json"
# Of a version's held-out rows, so many predictions are kept: 80 to 160 KB.
MAX_HELD_OUT_ROWS, MAX_HELD_OUT_CELLS = 10_000, 30_000
FORMAT = 1
# Since format 2, a specification may hold a calibration. Without one, format 1 is written, which older programs
# read. They refuse format 2, because they would return uncalibrated probabilities.
CALIBRATED_FORMAT = 2
# Since format 3, a threshold may be of the first class: older programs would apply it to the second.
FIRST_CLASS_FORMAT = 3
# Each row is compared with every training row: 256 x 20,000 x 8 bytes are 41 MB for each intermediate.
NEIGHBOUR_CHUNK_ROWS = 256


@dataclass(frozen=True)
class StoredFile:
    """One written file."""

    name: str
    path: Path
    sha256: str
    n_bytes: int


def write(
    directory: Path,
    *,
    pipeline: FittedPipeline,
    signature: Signature,
    compiled: bytes | None,
    golden: Columns,
    threshold: float | None = None,
    uncertainty: ConformalIntervals | None = None,
    background: Background | None = None,
) -> dict[str, StoredFile]:
    """Write the files of a version into `directory`. Returns the stored files by name.

    `golden`: about 20 rows as canonical columns of the features; stored with their predictions of now.
    `threshold`: for a binary task, the probability from which the signature's positive class is predicted.
    `background`: the rows that explanations compare with, in the form of `golden`.
    Raises TrainingFailed for an estimator outside the allow-list, DamagedArtifact for ONNX with external data.
    """
    from .skops_files import dump

    names = [name for name in signature.names if name in golden]
    rows = {name: np.asarray(golden[name]) for name in names}
    matrix = pipeline.spec.transform(rows)
    if compiled is None:
        outputs = pipeline.predict_matrix(matrix)
    else:
        refuse_external_data(compiled)
        outputs = Session(compiled).run(matrix)
    contents = {
        SPEC: _json(_spec_json(pipeline, threshold, signature.positive)),
        SKOPS: dump([member.estimator for member in pipeline.members]),
        GOLDEN: _json(
            {"format": FORMAT, "rows": columns_to_json(rows), "answers": prediction_array(outputs).tolist()}
        ),
    }
    if compiled is not None:
        contents[ONNX] = compiled
    if uncertainty is not None:
        contents[UNCERTAINTY] = _json(uncertainty.to_json())
    if background is not None:
        contents[BACKGROUND] = _json(_background_json(background, names))
    directory.mkdir(parents=True, exist_ok=True)
    return {name: _store(directory / name, content) for name, content in contents.items()}


def _background_json(background: Background, names: Sequence[str]) -> dict[str, Any]:
    rows = columns_to_json({name: background.columns[name] for name in names})
    parts = {"weights": background.weights, "mean": background.mean, "base": background.base}
    known = {name: each.tolist() for name, each in parts.items() if each is not None}
    return {"format": FORMAT, "rows": rows, **known}


def read_background(content: bytes) -> Background:
    """The background rows of explanations. Raises DamagedArtifact."""
    data = read_json(content, BACKGROUND)
    try:
        columns = columns_from_json(data["rows"])
        parts = {
            name: np.array(data[name], np.float64) for name in ("weights", "mean", "base") if name in data
        }
        weights = parts.get("weights")
        if weights is not None and (
            any(len(cells) != len(weights) for cells in columns.values())
            or not np.isclose(weights.sum(), 1.0)
        ):
            raise ValueError("weights")
        return Background(columns, **parts)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedArtifact("The stored background rows cannot be read.") from error


def write_examples(directory: Path, columns: Columns, targets: NDArray[Any]) -> StoredFile:
    """Write training rows, given in random order, with their targets (values or class codes): as many as fit."""
    n = len(targets)
    content = _examples_json(columns, targets, n)
    while len(content) > MAX_BYTES and n > 1:
        n = max(1, int(0.9 * n * MAX_BYTES / len(content)))
        content = _examples_json(columns, targets, n)
    return _store(directory / EXAMPLES, content)


def _examples_json(columns: Columns, targets: NDArray[Any], n: int) -> bytes:
    rows = columns_to_json({name: values[:n] for name, values in columns.items()})
    return _json({"format": FORMAT, "rows": rows, "targets": targets[:n].tolist()})


def read_examples(content: bytes, signature: Signature, weights: Mapping[str, float]) -> Examples:
    """The training rows that `write_examples` wrote. Raises DamagedArtifact."""
    data = read_json(content, EXAMPLES)
    try:
        return Examples(signature, columns_from_json(data["rows"]), data["targets"], weights)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedArtifact("The stored training rows cannot be read.") from error


def load_pipeline(files: Mapping[str, Path | bytes]) -> FittedPipeline:
    """The fitted scikit-learn pipeline of a version, audited, then constructed. Raises DamagedArtifact."""
    from .skops_files import load

    spec = read_spec(content_of(files, SPEC))
    return spec.pipeline(load(content_of(files, SKOPS)))


@dataclass(frozen=True)
class StoredSpec:
    """The content of spec.json: everything but the fitted estimators."""

    features: FeatureSpec
    members: tuple[Mapping[str, Any], ...]
    task: Task
    n_classes: int
    threshold: float | None
    chunk_rows: int
    calibration: Calibration | None = None
    positive: int = 1

    def pipeline(self, estimators: list[Any]) -> FittedPipeline:
        """The fitted pipeline. Raises DamagedArtifact when the estimators are not those of the specification."""
        if [type(each).__name__ for each in estimators] != [each["estimator"] for each in self.members]:
            raise DamagedArtifact("The stored estimators are not those that the specification names.")
        members = (
            Member(
                estimator=estimator,
                columns=tuple(stored["columns"]),
                weight=stored["weight"],
                key=stored["key"],
                params=stored["params"],
                target_scaling=TargetScaling(**stored["target_scaling"]),
            )
            for estimator, stored in zip(estimators, self.members, strict=True)
        )
        return FittedPipeline(self.features, tuple(members), self.task, self.n_classes, self.calibration)


def read_spec(content: bytes) -> StoredSpec:
    """Parse spec.json. Raises DamagedArtifact when its format is unknown or a part is missing."""
    data = read_json(content, SPEC, formats=(FORMAT, CALIBRATED_FORMAT, FIRST_CLASS_FORMAT))
    calibration = data.get("calibration")
    try:
        spec = StoredSpec(
            features=FeatureSpec.from_json(data["features"]),
            members=tuple(data["members"]),
            task=Task(data["task"]),
            n_classes=int(data["n_classes"]),
            threshold=data["threshold"],
            chunk_rows=int(data["chunk_rows"]),
            calibration=Calibration.from_json(calibration, int(data["n_classes"])) if calibration else None,
            positive=int(data.get("positive", 1)),
        )
        if not spec.features.steps or spec.chunk_rows < 1:
            raise ValueError("no features, or chunks of no rows")
        if spec.positive not in (0, 1):
            raise ValueError("the positive class is one of two")
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise DamagedArtifact("The stored specification is not complete.") from error
    return spec


def with_threshold(spec: bytes, threshold: float | None, positive: int = 1) -> bytes:
    """The same specification with another threshold, of the class `positive`. Raises DamagedArtifact."""
    read_spec(spec)
    data = {name: value for name, value in json.loads(spec).items() if name not in ("format", "positive")}
    data["threshold"] = threshold
    return _json({**_format_of(bool(data.get("calibration")), threshold, positive), **data})


def _format_of(is_calibrated: bool, threshold: float | None, positive: int) -> dict[str, int]:
    """The format of a specification: the oldest that can hold it, which older programs read."""
    if threshold is not None and positive == 0:
        return {"format": FIRST_CLASS_FORMAT, "positive": positive}
    return {"format": CALIBRATED_FORMAT if is_calibrated else FORMAT}


def write_scores(directory: Path, scores: Mapping[str, Any]) -> StoredFile:
    """Write scores.json, the JSON form of `decision_thresholds.Scores`, into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    return _store(directory / SCORES, _json({"format": FORMAT, **scores}))


def write_held_out(
    directory: Path,
    y: NDArray[Any],
    predicted: NDArray[Any],
    *,
    clusters: NDArray[Any] | None = None,
    n_lags: int = 0,
) -> StoredFile:
    """Write held_out.json: true values or codes (n,) and predictions (n,) or (n, k), of a random part of many rows.

    `clusters`: the group of each row, or the period of a forecast; `n_lags`: see `metrics.paired_tests.Clusters`.
    """
    kept = held_out_places(predicted)
    y, predicted = y[kept], predicted[kept]
    directory.mkdir(parents=True, exist_ok=True)
    content = {"format": FORMAT, "shape": list(predicted.shape), "is_codes": predicted.ndim == 2}
    packed: dict[str, Any] = {name: _packed(values) for name, values in (("y", y), ("predicted", predicted))}
    if clusters is not None:
        codes = np.unique(clusters[kept], return_inverse=True)[1]
        packed |= {
            "clusters": base64.b64encode(codes.astype("<i4").tobytes()).decode("ascii"),
            "n_lags": n_lags,
        }
    return _store(directory / HELD_OUT, _json({**content, **packed}))


def held_out_places(predicted: NDArray[Any]) -> NDArray[np.intp]:
    """Positions of the predictions that are stored: the same for every version with the same held-out rows."""
    n_rows = min(MAX_HELD_OUT_ROWS, MAX_HELD_OUT_CELLS // max(predicted[:1].size, 1))
    return np.sort(np.random.default_rng(0).permutation(len(predicted))[:n_rows])


def read_held_out(content: bytes) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """True values or codes, and predictions, as `write_held_out` wrote them. Raises DamagedArtifact."""
    data = read_json(content, HELD_OUT)
    try:
        y = np.frombuffer(base64.b64decode(data["y"]), "<f4").astype(np.float64)
        predicted = np.frombuffer(base64.b64decode(data["predicted"]), "<f4").astype(np.float64)
        predicted = predicted.reshape(data["shape"])
        if len(predicted) != len(y):
            raise ValueError("lengths")
        return (y.astype(np.intp) if data["is_codes"] else y), predicted
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedArtifact("The stored predictions for held-out rows cannot be read.") from error


def read_clusters(content: bytes) -> tuple[NDArray[np.intp], int] | None:
    """The clusters of the rows and their lags; None for a file without. Raises DamagedArtifact."""
    data = read_json(content, HELD_OUT)
    if "clusters" not in data:
        return None
    try:
        codes = np.frombuffer(base64.b64decode(data["clusters"]), "<i4").astype(np.intp)
        n_lags = int(data["n_lags"])
        if len(codes) != data["shape"][0] or codes.min() < 0 or codes.max() >= len(codes) or n_lags < 0:
            raise ValueError("clusters")
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedArtifact("The stored groups of held-out rows cannot be read.") from error
    return codes, n_lags


def _packed(values: NDArray[Any]) -> str:
    return base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")


def write_uncertainty(directory: Path, uncertainty: ConformalIntervals) -> StoredFile:
    """Write uncertainty.json alone into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    return _store(directory / UNCERTAINTY, _json(uncertainty.to_json()))


def _spec_json(pipeline: FittedPipeline, threshold: float | None, positive: int) -> dict[str, Any]:
    has_neighbours = any(
        type(member.estimator).__name__.startswith("Neighbours") for member in pipeline.members
    )
    calibration = pipeline.calibration
    return {
        **_format_of(calibration is not None, threshold, positive),
        **({"calibration": calibration.to_json()} if calibration else {}),
        "task": pipeline.task.value,
        "n_classes": pipeline.n_classes,
        "threshold": threshold,
        "chunk_rows": NEIGHBOUR_CHUNK_ROWS if has_neighbours else CHUNK_ROWS,
        "members": [
            {
                "estimator": type(member.estimator).__name__,
                "key": member.key,
                "params": dict(member.params),
                "weight": float(member.weight),
                "columns": [int(place) for place in member.columns],
                "target_scaling": asdict(member.target_scaling),
            }
            for member in pipeline.members
        ],
        "features": pipeline.spec.to_json(),
    }


def read_json(content: bytes, name: str, *, formats: Collection[int] = (FORMAT,)) -> dict[str, Any]:
    """A JSON object of a known format. Raises DamagedArtifact."""
    try:
        data = json.loads(content)
    except ValueError as error:
        raise DamagedArtifact(f"The stored file {name} is not JSON.") from error
    if not isinstance(data, dict) or data.get("format") not in formats:
        raise DamagedArtifact(f"The stored file {name} has a format that is not known here.")
    return data


def content_of(
    files: Mapping[str, Path | bytes], name: str, digests: Mapping[str, str] | None = None
) -> bytes:
    """The bytes of a stored file. With `digests`, its SHA-256 is checked. Raises DamagedArtifact."""
    source = files.get(name)
    if source is None:
        raise DamagedArtifact(f"The stored file {name} is missing.")
    try:
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError as error:
        raise DamagedArtifact(f"The stored file {name} cannot be read.") from error
    if digests is not None and hashlib.sha256(content).hexdigest() != digests.get(name):
        raise DamagedArtifact(f"The stored file {name} is not what was written: its SHA-256 differs.")
    return content


def prediction_array(outputs: Outputs) -> NDArray[np.float64]:
    """Predictions as one array: values (n, 1) or probabilities (n, n_classes)."""
    if outputs.probabilities is not None:
        return outputs.probabilities
    return np.reshape(np.asarray(outputs.values, np.float64), (-1, 1))


def columns_to_json(columns: Columns) -> dict[str, dict[str, Any]]:
    """Serialize canonical columns to JSON: missing values as null, datetimes as microseconds since 1970-01-01."""
    stored = {}
    for name, values in columns.items():
        kind = values.dtype.kind
        if kind == "M":
            numbers = values.astype("datetime64[us]").view(np.int64).tolist()
            cells = [
                None if np.isnat(value) else number for value, number in zip(values, numbers, strict=True)
            ]
        elif kind == "O":
            cells = [cell if isinstance(cell, str) and cell else None for cell in values.tolist()]
        else:
            cells = [None if math.isnan(cell) else cell for cell in values.astype(np.float64).tolist()]
        stored[name] = {"kind": {"M": "moment", "O": "text"}.get(kind, "number"), "cells": cells}
    return stored


def columns_from_json(data: Mapping[str, Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    """The columns that `columns_to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    if not isinstance(data, Mapping):
        raise TypeError("columns are stored as an object")
    columns: dict[str, NDArray[Any]] = {}
    for name, stored in data.items():
        cells = stored["cells"]
        if stored["kind"] == "moment":
            moments = [
                np.datetime64("NaT", "us") if cell is None else np.datetime64(cell, "us") for cell in cells
            ]
            columns[name] = np.array(moments, "datetime64[us]")
        elif stored["kind"] == "text":
            columns[name] = np.array([*cells, None], object)[:-1]
        else:
            columns[name] = np.array([np.nan if cell is None else cell for cell in cells], np.float64)
    return columns


def store_json(path: Path, data: Mapping[str, Any]) -> StoredFile:
    """Write a JSON document of a version that `read_json` reads."""
    return _store(path, _json(data))


def _json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _store(path: Path, content: bytes) -> StoredFile:
    """Write a file atomically."""
    write_bytes(path, content)
    return StoredFile(path.name, path, hashlib.sha256(content).hexdigest(), len(content))
