"""The one mapper between a training request and the columns of its row."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from predictor.ml.types.monotone import Direction
from predictor.ml.types.schema import ColumnProfile, Role, TableSchema, Task
from predictor.ml.types.split import SplitBy, SplitKind
from predictor.ml.types.threshold_rule import ThresholdRule
from predictor.ml.types.training_request import (
    AGGREGATIONS,
    FREQUENCIES,
    MAX_HORIZON,
    ROW_FIELDS,
    ForecastOptions,
    TrainingRequest,
)
from predictor.models import Dataset, RegisteredModel, TrainingRun, Workspace
from predictor.services import artifacts
from predictor.services.training.training_job import request_of
from predictor.services.training.training_options import MAX_SEED

pytestmark = pytest.mark.django_db

# JSON takes no lone surrogates, PostgreSQL no NUL.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
shares = st.floats(0.001, 0.999)
hyperparameters = st.one_of(
    st.booleans(), st.integers(-(2**53), 2**53), st.floats(1e-300, 1e300), texts, st.none()
)
splits = st.one_of(
    st.just(SplitBy()),
    st.builds(SplitBy, st.sampled_from([SplitKind.TIME, SplitKind.GROUP]), texts),
)
thresholds = st.one_of(
    st.none(),
    st.just(ThresholdRule("f1")),
    st.builds(
        lambda costs: ThresholdRule("cost", costs), st.tuples(st.floats(0.01, 1e12), st.floats(0.01, 1e12))
    ),
    st.builds(
        lambda by, share: ThresholdRule(by, (share,)),
        st.sampled_from(["precision", "recall", "fixed"]),
        shares,
    ),
)
forecasts = st.one_of(
    st.none(),
    st.builds(
        ForecastOptions,
        date_column=texts,
        group_column=st.just("") | texts,
        horizon=st.integers(0, MAX_HORIZON),
        frequency=st.sampled_from(["", *FREQUENCIES]),
        aggregation=st.sampled_from(["", *AGGREGATIONS]),
    ),
)
options = st.fixed_dictionaries(
    {
        "task": st.sampled_from(Task),
        "target": texts,
        "estimator": texts,
        "params": st.dictionaries(texts, hyperparameters, max_size=4),
        "roles": st.dictionaries(texts, st.sampled_from(Role), max_size=4),
        "budget_seconds": st.integers(1, 10**6),
        "seed": st.integers(0, MAX_SEED),
        "split": splits,
        "threshold": thresholds,
        "forecast": forecasts,
        "monotone": st.dictionaries(texts, st.sampled_from(Direction), max_size=4),
    }
)


@pytest.fixture
def run(workspace: Workspace) -> TrainingRun:
    schema = TableSchema(
        (ColumnProfile("x", Role.NUMERIC, "DOUBLE", n_distinct=9, minimum=0.5, maximum=9.5),), 40
    )
    dataset = Dataset.objects.create(
        workspace=workspace, name="table", filename="table.csv", sha256="0" * 64, n_bytes=1, n_rows=40, n_columns=1,
        parquet_digest=artifacts.put_bytes(b"not read"), schema_json=schema.to_json(), options_digest="0" * 64,
    )  # fmt: skip
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    return TrainingRun.objects.create(
        workspace=workspace, dataset=dataset, registered_model=model, target="x", task="regression",
        budget_seconds=1, seed=0,
    )  # fmt: skip


@hypothesis_settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)
@given(given_options=options)
def test_a_stored_request_comes_back_with_the_same_digest(run: TrainingRun, given_options: dict) -> None:
    if not given_options["task"].has_target:
        given_options = {**given_options, "target": ""}
    request = replace(request_of(run), **given_options)

    TrainingRun.objects.filter(pk=run.pk).update(**request.to_row_fields())
    loaded = request_of(TrainingRun.objects.select_related("dataset").get(pk=run.pk))

    assert loaded == request
    assert loaded.digest == request.digest
    assert json.dumps(loaded.to_json(), sort_keys=True) == json.dumps(request.to_json(), sort_keys=True)


def test_every_option_of_a_request_has_a_column() -> None:
    # The table, its schema and the limits are known from elsewhere; the shares are the same for every run.
    elsewhere = {"parquet", "schema", "limits", "holdout_share", "n_folds"}
    assert {each.name for each in fields(TrainingRequest)} - elsewhere == set(ROW_FIELDS)
    assert set(ROW_FIELDS) <= {each.name for each in TrainingRun._meta.concrete_fields}
