"""Versions for tests that do not need them to answer."""

from __future__ import annotations

from typing import Any

from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.models import Dataset, JobStatus, ModelVersion, RegisteredModel, TrainingRun
from predictor.services import registry

SIGNATURE = Signature(
    target="y",
    task=Task.REGRESSION,
    fields=(
        FeatureField("age", Role.NUMERIC, minimum=0.0, maximum=9.0),
        FeatureField("city", Role.CATEGORICAL),
    ),
)


class Publish:
    """`publish(model)` adds a version as a finished run would."""

    n_made = 0

    def run(self, model: RegisteredModel) -> TrainingRun:
        Publish.n_made += 1
        dataset = Dataset.objects.create(
            workspace=model.workspace,
            name="Table",
            filename="table.csv",
            sha256="0" * 64,
            n_bytes=1,
            parquet_digest="0" * 64,
            n_rows=1,
            n_columns=1,
            schema_json={"n_rows": 1, "columns": []},
            options_digest=f"{Publish.n_made}",
        )
        return TrainingRun.objects.create(
            workspace=model.workspace,
            dataset=dataset,
            registered_model=model,
            target="y",
            task="regression",
            budget_seconds=1,
            seed=0,
            status=JobStatus.SUCCEEDED,
        )

    def __call__(self, model: RegisteredModel, run: TrainingRun | None = None, **result: Any) -> ModelVersion:
        return registry.publish(
            run=run or self.run(model),
            result={
                "task": "regression",
                "estimator": "linear",
                "signature": SIGNATURE.to_json(),
                "is_compiled": False,
                "metrics": {"rmse": 1.0},
                "baseline": {"rmse": 2.0},
                "report": {"task": "regression"},
                **result,
            },
            artifacts={},
            by=None,
        )


publish = Publish()
