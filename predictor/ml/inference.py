"""Serving: a predictor from stored files, without scikit-learn unless the version is in-process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .pipeline import Columns, Outputs
from .schema import Signature


class Predictor:
    """Answers for canonical columns. `is_compiled` says whether ONNX Runtime or scikit-learn answers."""

    signature: Signature
    is_compiled: bool
    threshold: float | None

    def predict(self, columns: Columns) -> Outputs:
        """Answers for n rows; large batches are cut into chunks."""
        raise NotImplementedError

    def check_golden(self) -> None:
        """Raises DamagedArtifact unless the golden rows get the answers that were stored with them."""
        raise NotImplementedError


def load_predictor(
    files: Mapping[str, Path | bytes], signature: Signature, *, digests: Mapping[str, str] | None = None
) -> Predictor:
    """A predictor from the files written by `persistence.write`; with `digests`, each is checked first."""
    raise NotImplementedError
