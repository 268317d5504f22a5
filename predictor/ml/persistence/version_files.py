"""The files of a model version: spec.json, model.onnx (when compiled), model.skops, golden.json; and where the
version has them, uncertainty.json (how far off it may be), background.json (what explanations start from),
scores.json (what another threshold is chosen and judged from; see thresholds.py) and examples.json (rows of
training; see examples.py)."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DamagedArtifact
from ..calibration.conformal import Uncertainty
from ..calibration.probability_calibration import Calibration
from ..execution.json_files import write_bytes
from ..explanation.nearest_examples import MAX_BYTES, Examples
from ..features.columns import Columns
from ..features.feature_spec import FeatureSpec
from ..onnx_export.session import CHUNK_ROWS, Session, refuse_external_data
from ..pipelines.fitted_pipeline import FittedPipeline, Member, Outputs, TargetScaling
from ..types.schema import Signature, Task

SPEC, ONNX, SKOPS, GOLDEN = "spec.json", "model.onnx", "model.skops", "golden.json"
UNCERTAINTY, BACKGROUND = "uncertainty.json", "background.json"
SCORES, EXAMPLES, FORECAST = "scores.json", "examples.json", "forecast.json"
FORMAT = 1
# Since format 2, a specification may hold a calibration. One without is written as format 1, which older
# programs read; they refuse 2 rather than answer with probabilities that were meant to be changed.
CALIBRATED_FORMAT = 2
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
    uncertainty: Uncertainty | None = None,
    background: Columns | None = None,
) -> dict[str, StoredFile]:
    """Write the files of a version into `directory`, by name.

    `golden`: about 20 rows as canonical columns of the features; stored with the answers they get now.
    `threshold`: for a binary task, the probability from which the positive class is predicted.
    `background`: rows as `golden`, drawn at random from those of training.
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
        SPEC: _json(_spec_json(pipeline, threshold)),
        SKOPS: dump([member.estimator for member in pipeline.members]),
        GOLDEN: _json(
            {"format": FORMAT, "rows": columns_to_json(rows), "answers": answers_of(outputs).tolist()}
        ),
    }
    if compiled is not None:
        contents[ONNX] = compiled
    if uncertainty is not None:
        contents[UNCERTAINTY] = _json(uncertainty.to_json())
    if background is not None:
        kept = {name: background[name] for name in names}
        contents[BACKGROUND] = _json({"format": FORMAT, "rows": columns_to_json(kept)})
    directory.mkdir(parents=True, exist_ok=True)
    return {name: _store(directory / name, content) for name, content in contents.items()}


def write_examples(directory: Path, columns: Columns, targets: NDArray[Any]) -> StoredFile:
    """Write rows of training in random order with their targets (values or class codes), as many as fit."""
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
    """What `write_examples` wrote. Raises DamagedArtifact."""
    data = read_json(content, EXAMPLES)
    try:
        return Examples(signature, columns_from_json(data["rows"]), data["targets"], weights)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedArtifact("The stored training rows cannot be read.") from error


def load_pipeline(files: Mapping[str, Path | bytes]) -> FittedPipeline:
    """The scikit-learn side of a version, audited and constructed. Raises DamagedArtifact."""
    from .skops_files import load

    spec = read_spec(content_of(files, SPEC))
    return spec.pipeline(load(content_of(files, SKOPS)))


@dataclass(frozen=True)
class StoredSpec:
    """What spec.json holds: everything but the fitted estimators."""

    features: FeatureSpec
    members: tuple[Mapping[str, Any], ...]
    task: Task
    n_classes: int
    threshold: float | None
    chunk_rows: int
    calibration: Calibration | None = None

    def pipeline(self, estimators: list[Any]) -> FittedPipeline:
        """The whole again. Raises DamagedArtifact when the estimators are not those of the spec."""
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
    """Raises DamagedArtifact when it is not a specification of a known format."""
    data = read_json(content, SPEC, formats=(FORMAT, CALIBRATED_FORMAT))
    changed = data.get("calibration")
    try:
        return StoredSpec(
            features=FeatureSpec.from_json(data["features"]),
            members=tuple(data["members"]),
            task=Task(data["task"]),
            n_classes=int(data["n_classes"]),
            threshold=data["threshold"],
            chunk_rows=int(data["chunk_rows"]),
            calibration=Calibration.from_json(changed, int(data["n_classes"])) if changed else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedArtifact("The stored specification is not complete.") from error


def with_threshold(spec: bytes, threshold: float | None) -> bytes:
    """The same specification with another threshold. Raises DamagedArtifact."""
    read_spec(spec)
    return _json({**json.loads(spec), "threshold": threshold})


def write_scores(directory: Path, scores: Mapping[str, Any]) -> StoredFile:
    """Write scores.json, the JSON form of `thresholds.Scores`, into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    return _store(directory / SCORES, _json({"format": FORMAT, **scores}))


def write_uncertainty(directory: Path, uncertainty: Uncertainty) -> StoredFile:
    """Write uncertainty.json alone into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    return _store(directory / UNCERTAINTY, _json(uncertainty.to_json()))


def _spec_json(pipeline: FittedPipeline, threshold: float | None) -> dict[str, Any]:
    has_neighbours = any(
        type(member.estimator).__name__.startswith("Neighbours") for member in pipeline.members
    )
    changed = pipeline.calibration
    return {
        "format": CALIBRATED_FORMAT if changed else FORMAT,
        **({"calibration": changed.to_json()} if changed else {}),
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
    """The bytes of a file, its digest checked when there is one. Raises DamagedArtifact."""
    held = files.get(name)
    if held is None:
        raise DamagedArtifact(f"The stored file {name} is missing.")
    try:
        content = held if isinstance(held, bytes) else Path(held).read_bytes()
    except OSError as error:
        raise DamagedArtifact(f"The stored file {name} cannot be read.") from error
    if digests is not None and hashlib.sha256(content).hexdigest() != digests.get(name):
        raise DamagedArtifact(f"The stored file {name} is not what was written: its SHA-256 differs.")
    return content


def answers_of(outputs: Outputs) -> NDArray[np.float64]:
    """Answers as one array (n, 1) or (n, n_classes)."""
    if outputs.probabilities is not None:
        return outputs.probabilities
    return np.reshape(np.asarray(outputs.values, np.float64), (-1, 1))


def columns_to_json(columns: Columns) -> dict[str, dict[str, Any]]:
    """Canonical columns as JSON; missing is null, moments are microseconds since 1970."""
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
    """The columns that `columns_to_json` wrote."""
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
    """A JSON document of a version, as `read_json` takes it."""
    return _store(path, _json(data))


def _json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _store(path: Path, content: bytes) -> StoredFile:
    """Written whole or not at all: to a temporary name, on disk, then renamed."""
    write_bytes(path, content)
    return StoredFile(path.name, path, hashlib.sha256(content).hexdigest(), len(content))
