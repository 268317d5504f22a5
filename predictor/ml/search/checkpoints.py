"""Finished fits on disk, so that a run that was killed goes on where it was. Arrays and JSON, no pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..execution.json_files import write_json


@dataclass(frozen=True)
class FoldFit:
    """What one fold showed: predictions (n_stages, n_rows[, n_classes]) on its scoring rows, stage by stage.

    `seconds`: what a fit that ends at each stage takes, encoding included; `fit_seconds` is the whole fold.
    `predict_ms` for 1,000 rows and `size_bytes` are those of the last stage. `is_cut`: the clock ended it.
    """

    predictions: NDArray[np.float32]
    stages: tuple[Mapping[str, Any], ...]
    seconds: tuple[float, ...]
    fit_seconds: float
    predict_ms: float
    size_bytes: int = 0
    is_cut: bool = False


@dataclass(frozen=True)
class Checkpoints:
    """One folder for one request: `digest` keeps another request's fits from being taken for ours."""

    folder: Path

    @classmethod
    def open(cls, workdir: Path, digest: str) -> Checkpoints:
        folder = workdir / "fits" / digest[:16]
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder)

    def subfolder(self, name: str) -> Checkpoints:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return Checkpoints(folder)

    def save(self, key: str, fit: FoldFit) -> None:
        """The arrays first: a fit counts as finished once its JSON is there."""
        partial = self.folder / f"{key}.{os.getpid()}.partial"
        with partial.open("wb") as file:
            np.save(file, fit.predictions, allow_pickle=False)
        partial.replace(self.folder / f"{key}.npy")
        facts = {
            "stages": list(fit.stages),
            "seconds": list(fit.seconds),
            "fit_seconds": fit.fit_seconds,
            "predict_ms": fit.predict_ms,
            "size_bytes": fit.size_bytes,
            "is_cut": fit.is_cut,
        }
        self.write_json(f"{key}.json", facts)

    def load(self, key: str) -> FoldFit | None:
        """The fit, or None when it was not finished."""
        try:
            facts = json.loads((self.folder / f"{key}.json").read_text("utf-8"))
            predictions = np.load(self.folder / f"{key}.npy", mmap_mode="r", allow_pickle=False)
            stages, seconds = tuple(facts.pop("stages")), tuple(facts.pop("seconds"))
            return FoldFit(predictions, stages, seconds, **facts)
        except (EOFError, OSError, ValueError, KeyError, TypeError):
            return None

    def write_json(self, name: str, data: Mapping[str, Any]) -> None:
        write_json(self.folder / name, data)

    def read_json(self, name: str) -> dict[str, Any] | None:
        try:
            content: dict[str, Any] = json.loads((self.folder / name).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return content
