"""Labels in answers are the labels of the data, by every interface and in every file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from predictor.ml.tables.stored_tables import read_columns
from predictor.ml.types.schema import Task
from predictor.ml.types.training_request import TrainingRequest
from predictor.ml.validation.target import TargetFacts, find_task
from predictor.ml.validation.training_table import make_table
from predictor.models import PredictionLog, User, Workspace
from predictor.services.predictions import loaded_versions
from predictor.tests import predicting
from predictor.tests.ml.imported_tables import import_csv
from predictor.tests.ml.mixed_table import fitted, mixed_signature
from predictor.tests.serve.conftest import Wire, outputs_of
from predictor.tests.services.registry.test_portable import published, ran, unpacked

# The labels of a file; as JSON; as a CSV result writes them.
KINDS = {
    "true": (("false", "true"), (False, True), ("false", "true")),
    "True": (("False", "True"), (False, True), ("False", "True")),
    "TRUE": (("FALSE", "TRUE"), (False, True), ("FALSE", "TRUE")),
    "whole": (("0", "1"), (0, 1), ("0", "1")),
    "point": (("1.0", "2.0"), (1.0, 2.0), ("1.0", "2.0")),
    "zeros": (("01", "02"), ("01", "02"), ("01", "02")),
    "words": (("No", "YES"), ("No", "YES"), ("No", "YES")),
    "blanks": (("no ", "yes "), ("no ", "yes "), ("no ", "yes ")),
    "signs": (("+", "-"), ("+", "-"), ("+", "-")),
    "formulas": (("=no", "@yes"), ("=no", "@yes"), ("'=no", "'@yes")),
}


def learnt(folder: Path, labels: Sequence[str]) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """The classes of a target that a file writes so, and how its files are to write them."""
    table = import_csv(folder, "x,y\n" + "".join(f'{n % 7},"{labels[n % 2]}"\n' for n in range(40)))
    request = TrainingRequest(str(table.parquet), table.schema, "y")
    assert find_task(TargetFacts.from_profile(table.schema["y"], 40)) is Task.BINARY
    target = make_table(request, read_columns(table.parquet, request.table))[0].target
    reading = table.schema["y"].reading
    is_spelt = target.classes == (False, True) and type(target.classes[0]) is bool and reading is not None
    return target.classes, reading.spellings if is_spelt and reading else ()


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_those_of_the_data_by_every_interface(
    kind: str, wire: Wire, workspace: Workspace, member: User, tmp_path: Path
) -> None:
    in_file, in_json, in_csv = KINDS[kind]
    classes, class_texts = learnt(tmp_path, in_file)
    assert json.dumps(classes) == json.dumps(in_json)
    loaded_versions.forget_all()
    pipeline, columns = fitted("logistic_regression", Task.BINARY)
    signature = replace(mixed_signature(Task.BINARY), classes=classes, class_texts=class_texts)
    version = published(workspace, tmp_path / "made", pipeline, columns, signature)
    others = {"member": "true", "joined": "2020-02-29", "shop": "shop 1", "note": "word1", "income": "20000"}
    rows = [{**others, "age": "10", "plan": "basic"}, {**others, "age": "90", "plan": "pro"}]
    model = version.registered_model

    native = [each.prediction for each in predicting.predict(model, rows=rows, by=member).predictions]
    v1 = wire.post("v1/models/churn:predict", {"instances": rows}).json()["predictions"]
    file = io.StringIO()
    csv.writer(file).writerows([rows[0].keys(), *(row.values() for row in rows)])
    content = file.getvalue().encode()
    mlflow = wire.post("models/churn/invocations", content, "text/csv").json()
    tensors = [
        {"name": name, "datatype": "BYTES", "shape": [2, 1], "data": [row[name] for row in rows]}
        for name in rows[0]
    ]
    v2 = wire.post("v2/models/churn/infer", {"inputs": tensors})
    answered = predicting.predict_csv(model, io.BytesIO(content), by=member)
    cells = list(csv.DictReader(answered.path.read_text("utf-8").splitlines()))
    done = ran(unpacked(version, tmp_path), rows)

    by_json = {
        "native": native, "v1": v1, "mlflow": mlflow["predictions"], "v2": outputs_of(v2)["predict"],
        "zip": [json.loads(line)["prediction"] for line in done.stdout.splitlines()],
        "classes": mlflow["classes"],
        "log": [each.output["prediction"] for each in PredictionLog.objects.order_by("id")[:2]],
    }  # fmt: skip
    wanted = json.dumps(list(in_json))
    assert {name: json.dumps(list(labels)) for name, labels in by_json.items()} == dict.fromkeys(
        by_json, wanted
    )
    assert [row["prediction"] for row in cells] == list(in_csv)
