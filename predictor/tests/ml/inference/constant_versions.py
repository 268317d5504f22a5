"""Stored files of versions that give every row the same answer: what is made of it can be computed by hand."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import Ridge

from predictor.ml.features.columns import Columns
from predictor.ml.features.feature_spec import FeatureSpec
from predictor.ml.onnx_export.parity import compile_checked
from predictor.ml.persistence import version_files
from predictor.ml.pipelines.fitted_pipeline import FittedPipeline, Member
from predictor.ml.types.schema import FeatureField, Role, Signature, Task


def constant_pipeline(names: Sequence[str], answer: float) -> FittedPipeline:
    """A ridge regression whose weights are 0."""
    ridge = Ridge()
    ridge.coef_, ridge.intercept_ = np.zeros(len(names)), answer
    ridge.n_features_in_, ridge.n_iter_, ridge.solver_ = len(names), None, "auto"
    member = Member(ridge, tuple(range(len(names))), key="ridge")
    return FittedPipeline(FeatureSpec.passthrough(names), (member,), Task.REGRESSION)


def signature_of(names: Sequence[str]) -> Signature:
    return Signature("y", Task.REGRESSION, tuple(FeatureField(name, Role.NUMERIC) for name in names))


def stored_files(
    columns: Columns, answer: float, *, is_compiled: bool = True, **options: Any
) -> dict[str, bytes]:
    """The files of a version for these numeric columns, whose rows are its golden rows."""
    pipeline = constant_pipeline(list(columns), answer)
    compiled = compile_checked(pipeline, columns)[0] if is_compiled else None
    with tempfile.TemporaryDirectory() as folder:
        files = version_files.write(
            Path(folder),
            pipeline=pipeline,
            signature=signature_of(list(columns)),
            compiled=compiled,
            golden=columns,
            **options,
        )
        return {name: file.path.read_bytes() for name, file in files.items()}


def changed(content: bytes, **changes: Any) -> bytes:
    """The JSON document with other members; `...` removes one."""
    data: Mapping[str, Any] = {**json.loads(content), **changes}
    return json.dumps({name: each for name, each in data.items() if each is not ...}).encode()
