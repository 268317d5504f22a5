"""The options of `manage.py train` arrive in the row of the run."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from predictor.errors import Conflict
from predictor.models import Dataset, TrainingRun, Workspace
from predictor.services import training
from predictor.tests.web.tables import upload


@pytest.fixture
def dataset(workspace: Workspace) -> Dataset:
    return upload(workspace)


@pytest.fixture(autouse=True)
def _only_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queue the run and stop there."""

    def queue(*, on_change: Any, **arguments: Any) -> TrainingRun:
        training.start_run(**arguments)
        raise Conflict("It is queued.")

    monkeypatch.setattr(training, "run_here", queue)


def train(dataset: Dataset, *options: str) -> TrainingRun:
    with pytest.raises(CommandError, match="It is queued"):
        call_command("train", "--dataset", str(dataset.pk), "--workspace", "acme", *options)
    return TrainingRun.objects.get()


def test_a_target_alone_gets_the_defaults(dataset: Dataset, settings: Any) -> None:
    run = train(dataset, "--target", "left")
    assert (run.target, run.task, run.estimator, run.params) == ("left", "binary", "auto", {})
    assert (run.budget_seconds, run.seed) == (settings.TRAINING_BUDGET_SECONDS, 0)
    assert (run.split, run.threshold, run.forecast) == ({"kind": "random", "column": None}, {}, {})
    assert run.registered_model.name == dataset.name


def test_every_option_is_stored(dataset: Dataset) -> None:
    run = train(
        dataset, "--target", "left", "--task", "binary", "--estimator", "random_forest",
        "--param", "n_estimators=50", "--effort", "quick", "--seed", "7", "--model", "Leavers",
        "--split", "time:since", "--threshold", "cost:1:5", "--positive", "No",
        "--reading", 'left={"kind": "text", "ignores": ["case"], "missing": ["NA"]}',
        "--monotone", "age=decreasing",
    )  # fmt: skip
    assert (run.task, run.estimator, run.params) == ("binary", "random_forest", {"n_estimators": 50})
    assert (run.budget_seconds, run.seed, run.registered_model.slug) == (10, 7, "leavers")
    assert run.split == {"kind": "time", "column": "since"}
    assert run.readings == {"left": {"kind": "text", "ignores": ["case"], "missing": ["na"]}}
    assert run.threshold == {"by": "cost", "false_positive": 1.0, "false_negative": 5.0}
    assert run.positive_class == "no"
    assert run.monotone == {"age": "decreasing"}


def test_the_options_of_a_forecast_are_stored(dataset: Dataset) -> None:
    run = train(
        dataset, "--target", "age", "--task", "forecasting", "--date", "since", "--horizon", "3",
        "--frequency", "daily", "--aggregation", "mean",
    )  # fmt: skip
    assert run.forecast == {
        "date_column": "since", "group_column": "", "horizon": 3, "frequency": "daily", "aggregation": "mean",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--split", "magic"], "There is no split “magic”"),
        (["--threshold", "sometimes"], "A threshold is written as f1"),
        (["--budget", "0"], "The time budget is"),
        (
            ["--monotone", "age=up"],
            "The direction of “age” is “up”; choose one of “increasing”, “decreasing”",
        ),
        (["--monotone", "nowhere=increasing"], "“nowhere” cannot"),
    ],
)
def test_an_invalid_option_is_refused_with_its_sentence(
    dataset: Dataset, options: list[str], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command(
            "train", "--dataset", str(dataset.pk), "--workspace", "acme", "--target", "left", *options
        )
    assert not TrainingRun.objects.exists()
