"""Artifacts of a linear model with given coefficients."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from ...errors import InvalidInput, quoted_list
from ...ml.types.column_names import repeated_names
from ...ml.types.schema import FeatureField, Role, Signature, Task

MAX_FEATURES = 1_000


@dataclass(frozen=True)
class BuiltModel:
    """The stored files of a new version, and the fields of its row."""

    artifacts: Mapping[str, Mapping[str, Any]]
    fields: Mapping[str, Any]


def build(
    coefficients: Sequence[float], intercept: float, feature_names: Sequence[str] | None = None
) -> BuiltModel:
    """Store the model `intercept + Σ coefficient · feature` as the files of a version. Raises InvalidInput."""
    names = _names(coefficients, feature_names)
    if not all(math.isfinite(number) for number in (*coefficients, intercept)):
        raise InvalidInput("Coefficients and intercept have to be finite numbers.")
    signature = Signature(
        target="y",
        task=Task.REGRESSION,
        fields=tuple(FeatureField(name=name, role=Role.NUMERIC, typical=0.0) for name in names),
    )
    params = {
        "coefficients": dict(zip(names, map(float, coefficients), strict=True)),
        "intercept": float(intercept),
    }
    return BuiltModel(
        artifacts=_write(list(map(float, coefficients)), float(intercept), signature),
        fields={
            "task": Task.REGRESSION.value,
            "estimator": "Linear model from given coefficients",
            "params": params,
            "signature_json": signature.to_json(),
            "is_compiled": True,
        },
    )


def _names(coefficients: Sequence[float], feature_names: Sequence[str] | None) -> list[str]:
    if not 1 <= len(coefficients) <= MAX_FEATURES:
        raise InvalidInput(
            f"A linear model has 1 to {MAX_FEATURES:,} coefficients; got {len(coefficients):,}."
        )
    names = list(feature_names or [f"x{place}" for place in range(1, len(coefficients) + 1)])
    if len(names) != len(coefficients):
        raise InvalidInput(f"There are {len(coefficients)} coefficients but {len(names)} feature names.")
    repeated = sorted({*repeated_names(names), *(name for name in names if not name.strip())})
    if repeated:
        raise InvalidInput(f"Feature names have to differ and not be blank: {quoted_list(repeated)}.")
    return names


def _write(coefficients: list[float], intercept: float, signature: Signature) -> dict[str, dict[str, Any]]:
    import numpy as np
    from sklearn.linear_model import LinearRegression

    from ...ml.features.feature_spec import Encoding, FeatureSpec
    from ...ml.onnx_export import export
    from ...ml.persistence import version_files
    from ...ml.pipelines.fitted_pipeline import FittedPipeline, Member
    from .. import artifacts

    # Three rows with median 0: the feature specification keeps numbers unchanged and imputes 0.
    golden = {name: np.array([-1.0, 0.0, 1.0]) for name in signature.names}
    spec = FeatureSpec.fit(golden, dict.fromkeys(signature.names, Role.NUMERIC), Encoding())
    estimator = LinearRegression()
    estimator.coef_ = np.array(coefficients)
    estimator.intercept_ = intercept
    estimator.n_features_in_ = len(coefficients)
    pipeline = FittedPipeline(
        spec=spec,
        members=(Member(estimator=estimator, columns=tuple(range(len(coefficients))), key="linear"),),
        task=Task.REGRESSION,
    )
    with tempfile.TemporaryDirectory(dir=settings.WORK_DIR) as folder:
        files = version_files.write(
            Path(folder),
            pipeline=pipeline,
            signature=signature,
            compiled=export.linear_graph(coefficients, intercept),
            golden=golden,
        )
        return {
            name: {"digest": artifacts.put(file.path), "n_bytes": file.n_bytes}
            for name, file in files.items()
        }
