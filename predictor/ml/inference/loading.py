"""Loading a predictor from the stored files of a version, safely."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import DamagedArtifact
from ..calibration.conformal import ConformalIntervals
from ..onnx_export.session import Session
from ..persistence.version_files import (
    BACKGROUND,
    FORECAST,
    GOLDEN,
    ONNX,
    SKOPS,
    SPEC,
    UNCERTAINTY,
    content_of,
    load_pipeline,
    read_background,
    read_json,
    read_spec,
)
from ..types.schema import Signature
from .predictor import Predictor

CHILD_SECONDS = 120.0


def load_predictor(
    files: Mapping[str, Path | bytes], signature: Signature, *, digests: Mapping[str, str] | None = None
) -> Predictor:
    """A predictor from the files of `version_files.write`; with `digests` (SHA-256), each file is checked.

    A version without model.onnx is tried in a child process first, since a damaged tree can crash the
    process that asks it. Raises DamagedArtifact.
    """
    spec = read_spec(content_of(files, SPEC, digests))
    golden, uncertainty, background = (
        content_of(files, name, digests) if name in files else None
        for name in (GOLDEN, UNCERTAINTY, BACKGROUND)
    )
    beside: dict[str, Any] = {
        "uncertainty": ConformalIntervals.from_json(read_json(uncertainty, UNCERTAINTY))
        if uncertainty
        else None,
        "background": read_background(background) if background else None,
    }
    kind: type[Predictor] = Predictor
    if FORECAST in files:
        from .forecast_predictor import ForecastPredictor, StoredForecast

        kind = ForecastPredictor
        beside["forecast"] = StoredForecast.read(content_of(files, FORECAST, digests))
    if ONNX in files:
        session = Session(content_of(files, ONNX, digests), chunk_rows=spec.chunk_rows)
        return kind(signature, spec, session, golden, **beside)
    contents = {SPEC: content_of(files, SPEC, digests), SKOPS: content_of(files, SKOPS, digests)}
    if golden is not None:
        contents[GOLDEN] = golden
    try_in_child(contents)
    return kind(signature, spec, load_pipeline(contents), golden, **beside)


def try_in_child(contents: Mapping[str, bytes], *, seconds: float = CHILD_SECONDS) -> None:
    """Load and ask a version in a process of its own. Raises DamagedArtifact if that dies or refuses."""
    root = Path(__file__).resolve().parents[3]
    with tempfile.TemporaryDirectory(prefix="mlweb-check-") as folder:
        for name, content in contents.items():
            (Path(folder) / name).write_bytes(content)
        try:
            done = subprocess.run(
                [sys.executable, "-m", "predictor.ml.inference.loading", folder],
                cwd=root,
                env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DamagedArtifact(
                f"The stored estimators gave no answer within {seconds:g} seconds."
            ) from None
    if done.returncode == 3:
        raise DamagedArtifact(done.stdout.decode(errors="replace").strip())
    if done.returncode != 0:
        raise DamagedArtifact("The stored estimators broke the process that tried them.")


def _try(folder: Path) -> int:
    """The child's side: 0 when the golden rows get their answers, 3 and a sentence when refused."""
    contents: dict[str, Path | bytes] = {path.name: path for path in folder.iterdir()}
    try:
        spec = read_spec(content_of(contents, SPEC))
        golden = content_of(contents, GOLDEN) if GOLDEN in contents else None
        signature = Signature(target="", task=spec.task, fields=())
        predictor = Predictor(signature, spec, load_pipeline(contents), golden)
        if golden is not None:
            predictor.check_golden()
    except DamagedArtifact as damage:
        print(damage)  # noqa: T201 (the parent reads it)
        return 3
    return 0


if __name__ == "__main__":
    raise SystemExit(_try(Path(sys.argv[1])))
