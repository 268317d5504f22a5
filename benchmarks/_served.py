"""Models to measure serving with: the 100-tree forest on a mixed table, and the article's linear model.

`python benchmarks/_served.py [MODELS] [ROWS]`, with the environment of an installation, registers both there,
and so many more models and rows of the log.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

NUMBERS = tuple(f"n{place}" for place in range(10))
CATEGORIES = {
    "city": ("Berlin", "Bern", "Paris", "Rome", "Madrid", "Lisbon", "Oslo", "Wien"),
    "plan": ("free", "basic", "pro"),
    "device": ("phone", "tablet", "laptop", "desktop"),
    "segment": tuple(f"segment {letter}" for letter in "ABCDEFGHIJ"),
}
WORKSPACE = "bench"
FIRST_MS = 1_750_000_000_000


@dataclass(frozen=True)
class ServedModels:
    """What a load generator needs: paths below the server's address, bodies of one row, and a token."""

    token: str
    forest_path: str
    forest_row: dict[str, Any]
    linear_path: str
    linear_row: dict[str, Any]


def mixed_table(n_rows: int, seed: int = 0) -> tuple[dict[str, Any], Any]:
    """Ten numbers and four categories, as canonical columns, and a noisy binary target."""
    import numpy as np

    chance = np.random.default_rng(seed)
    columns: dict[str, Any] = {name: chance.normal(size=n_rows) for name in NUMBERS}
    for name, levels in CATEGORIES.items():
        columns[name] = np.array(levels, object)[chance.integers(len(levels), size=n_rows)]
    score = columns["n0"] + 0.5 * columns["n1"] * columns["n2"] + (columns["plan"] == "pro")
    return columns, (score + chance.normal(size=n_rows) > 0.5).astype(int)


def make_models(*, n_rows: int, n_trees: int) -> ServedModels:
    """Registers both models in an empty database; needs Django to be set up and the tables to be there."""
    from predictor.models import RegisteredModel, User, Workspace, WorkspaceRole
    from predictor.services import registry, tokens, workspaces

    user = User.objects.create_user("models@example.org", None)
    workspace = Workspace.objects.create(slug=WORKSPACE, name="Bench")
    workspaces.add_member(workspace=workspace, user=user, role=WorkspaceRole.ADMIN, by=None)
    forest = RegisteredModel.objects.create(workspace=workspace, slug="forest", name="Forest")
    columns, y = mixed_table(n_rows)
    _publish_forest(forest, columns, y, n_trees)
    registry.register_linear(
        workspace=workspace, name="linear", coefficients=[0.5, 0.3], intercept=-1.5, by=user
    )
    made = tokens.create_token(user=user, workspace=workspace, name="bench", scopes=["predict", "read"])
    row = {name: values[0].item() if name in NUMBERS else values[0] for name, values in columns.items()}
    path = f"/api/v1/{WORKSPACE}/models/{{}}/predictions"
    return ServedModels(
        token=made.plaintext,
        forest_path=path.format("forest"),
        forest_row=row,
        linear_path=path.format("linear"),
        linear_row={"x1": 1, "x2": 2},
    )


def _publish_forest(model: Any, columns: dict[str, Any], y: Any, n_trees: int) -> None:
    from sklearn.ensemble import RandomForestClassifier

    from predictor.ml.features.feature_spec import ONE_HOT_TREES, FeatureSpec
    from predictor.ml.onnx_export import export
    from predictor.ml.persistence import version_files
    from predictor.ml.pipelines.fitted_pipeline import FittedPipeline, Member
    from predictor.ml.types.schema import Task
    from predictor.services import artifacts, registry

    signature = _signature(columns)
    roles = {field.name: field.role for field in signature.fields}
    spec = FeatureSpec.fit(columns, roles, ONE_HOT_TREES, y=y, task=Task.BINARY, n_classes=2)
    estimator = RandomForestClassifier(n_trees, random_state=0).fit(spec.transform(columns), y)
    member = Member(estimator=estimator, columns=tuple(range(len(spec.outputs))), key="random_forest")
    pipeline = FittedPipeline(spec=spec, members=(member,), task=Task.BINARY, n_classes=2)
    with tempfile.TemporaryDirectory() as folder:
        files = version_files.write(
            Path(folder),
            pipeline=pipeline,
            signature=signature,
            compiled=export.export(pipeline),
            golden={name: values[:20] for name, values in columns.items()},
        )
        stored = {
            name: {"digest": artifacts.put(file.path), "n_bytes": file.n_bytes}
            for name, file in files.items()
        }
    registry.publish(
        run=_finished_run(model),
        result={
            "task": "binary",
            "estimator": f"Random forest of {n_trees} trees",
            "signature": json.loads(json.dumps(signature.to_json())),
            "is_compiled": True,
        },
        artifacts=stored,
        by=None,
    )


def _signature(columns: dict[str, Any]) -> Any:
    from predictor.ml.types.schema import FeatureField, Role, Signature, Task

    numbers = (
        FeatureField(
            name, Role.NUMERIC, minimum=float(columns[name].min()), maximum=float(columns[name].max())
        )
        for name in NUMBERS
    )
    texts = (FeatureField(name, Role.CATEGORICAL, levels=levels) for name, levels in CATEGORIES.items())
    return Signature(target="y", task=Task.BINARY, fields=(*numbers, *texts), classes=("no", "yes"))


def _finished_run(model: Any) -> Any:
    from predictor.models import Dataset, TrainingRun

    dataset = Dataset.objects.create(
        workspace=model.workspace, name="Table", filename="t.csv", sha256="0" * 64, n_bytes=1,
        parquet_digest="0" * 64, n_rows=1, n_columns=1, schema_json={"n_rows": 1, "columns": []},
        options_digest="0",
    )  # fmt: skip
    return TrainingRun.objects.create(
        workspace=model.workspace, dataset=dataset, registered_model=model, target="y", task="binary",
        status="succeeded", budget_seconds=60, seed=0,
    )  # fmt: skip


def register_more(n_models: int) -> None:
    """So many linear models, named linear-1, linear-2, …; those that are there already stay."""
    from predictor.models import RegisteredModel, Workspace
    from predictor.services import registry

    workspace = Workspace.objects.get(slug=WORKSPACE)
    for number in range(1, n_models + 1):
        name = f"linear-{number}"
        if not RegisteredModel.objects.filter(workspace=workspace, slug=name).exists():
            registry.register_linear(
                workspace=workspace, name=name, coefficients=[0.5, 0.3], intercept=float(number), by=None
            )


def fill_log(n_rows: int) -> None:
    """Rows of the log until there are so many, as the log's own statement writes them."""
    import uuid

    from django.db import connection, transaction

    from predictor.models import ModelVersion, PredictionLog, RegisteredModel
    from predictor.models.prediction_log import moment_of
    from predictor.services.log_rows import LogRow, insert

    model = RegisteredModel.objects.get(slug="forest")
    version = ModelVersion.objects.get(registered_model=model)
    inputs = json.dumps(
        dict.fromkeys(NUMBERS, 0.123456) | {name: levels[0] for name, levels in CATEGORIES.items()}
    )
    output = '{"prediction": "no", "probabilities": {"no": 0.83, "yes": 0.17}}'

    def row(number: int) -> LogRow:
        key = uuid.UUID(int=(FIRST_MS + number * 10) << 80 | 0x7 << 76 | 0b10 << 62 | number)
        return LogRow(
            key, model.workspace_id, version.pk, f"{number:032x}", 1, "api", None, None, inputs, output, "[]", 1.0,
            moment_of(key),
        )  # fmt: skip

    there = PredictionLog.objects.count()
    for start in range(there, n_rows, 50_000):
        with transaction.atomic():
            insert(connection, [row(number) for number in range(start, min(start + 50_000, n_rows))])


def main(n_models: int = 0, n_log_rows: int = 0) -> None:
    """Tables, models and a token in the installation of this environment; prints what a load generator needs."""
    import django

    django.setup()
    from django.core.management import call_command

    from predictor.models import Workspace

    call_command("migrate", verbosity=0)
    if not Workspace.objects.filter(slug=WORKSPACE).exists():
        print(json.dumps(asdict(make_models(n_rows=20_000, n_trees=100))))
    register_more(n_models)
    fill_log(n_log_rows)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main(*map(int, sys.argv[1:]))
