"""The files of a model version: spec.json, model.onnx (when compiled), model.skops, golden.json. Never a pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .pipeline import Columns, FittedPipeline
from .schema import Signature

SPEC, ONNX, SKOPS, GOLDEN = "spec.json", "model.onnx", "model.skops", "golden.json"


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
) -> dict[str, StoredFile]:
    """Write the files of a version into `directory`, by name. `golden`: about 20 raw rows (features only)."""
    raise NotImplementedError


def load_pipeline(files: Mapping[str, Path]) -> FittedPipeline:
    """The scikit-learn side of a version, audited and constructed. Raises DamagedArtifact."""
    raise NotImplementedError
