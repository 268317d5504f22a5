from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import MlwebError, quoted
from ...i18n.translation import translated
from ...ml.types.forecast_facts import forecast_sentences
from ...ml.types.monotone import monotone_sentences
from ...ml.types.reading_choice import MAX_LOST_SHARE
from ...ml.types.run_options.row_weighting import weighting_sentences
from ...ml.types.schema import Role, Task
from ...ml.types.training_request import AGGREGATIONS, EFFORTS, FREQUENCIES
from ...models import Dataset, JobStatus, TrainingRun, Workspace
from ...services import datasets, training
from ..base import BaseCommand, CommandError, language


class Command(BaseCommand):
    help = "Train a model version from a CSV file or a dataset, here and now, and say how good it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("file", nargs="?", type=Path, help="a CSV file to import first")
        source.add_argument("--dataset", type=int, metavar="ID", help="a dataset that is there already")
        parser.add_argument(
            "--target", default="", metavar="COLUMN", help="the column to predict, if the task has one"
        )
        parser.add_argument("--task", help="found from the target when not given: " + ", ".join(sorted(Task)))
        parser.add_argument("--estimator", default="auto", help="auto, or a key of the catalogue")
        parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", type=parameter)
        parser.add_argument(
            "--role",
            action="append",
            default=[],
            metavar="COLUMN=ROLE",
            type=column_role,
            help="what a column means, if not as found: " + ", ".join(Role),
        )
        parser.add_argument(
            "--max-lost-share",
            type=float,
            metavar="SHARE",
            help=f"the share of a column's filled cells that a role may empty; {MAX_LOST_SHARE:g} when not given",
        )
        budget = parser.add_mutually_exclusive_group()
        budget.add_argument("--budget", type=float, metavar="SECONDS")
        budget.add_argument("--effort", choices=EFFORTS, help="a budget by name: 10 s, 60 s or 10 min")
        parser.add_argument(
            "--split",
            default="random",
            metavar="KIND[:COLUMN]",
            help="which rows judge: random, time:COLUMN (later ones) or group:COLUMN (whole groups)",
        )
        parser.add_argument(
            "--threshold",
            metavar="RULE",
            help="how to decide between two classes: f1, cost:FALSE_POSITIVE:FALSE_NEGATIVE, "
            "precision:AT_LEAST, recall:AT_LEAST or a probability; 0.5 when not given",
        )
        parser.add_argument(
            "--positive",
            metavar="CLASS",
            help="of two classes, the one that is looked for; found from names and numbers of rows when not given",
        )
        parser.add_argument(
            "--reading",
            action="append",
            default=[],
            metavar="COLUMN=JSON",
            type=parameter,
            help='how the categories of a column are read, such as y={"kind": "text", "ignores": ["case"], '
            '"missing": ["na"]}',
        )
        parser.add_argument(
            "--monotone",
            action="append",
            default=[],
            metavar="COLUMN=DIRECTION",
            type=column_role,
            help="a column of numbers that the prediction, or the probability of the positive class, follows in one "
            "direction only: increasing (it never falls when the column rises) or decreasing",
        )
        parser.add_argument(
            "--weight-column",
            default="",
            metavar="COLUMN",
            help="a column of numbers of 0 or more that say how much each row counts; it is no feature",
        )
        parser.add_argument("--date", default="", metavar="COLUMN", help="for forecasting: the dates")
        parser.add_argument("--group", default="", metavar="COLUMN", help="for forecasting: names the series")
        parser.add_argument("--horizon", type=int, metavar="N", help="for forecasting: periods ahead")
        parser.add_argument("--frequency", choices=FREQUENCIES, help="for forecasting; found when not given")
        parser.add_argument(
            "--aggregation", choices=AGGREGATIONS, help="for forecasting: joins rows of one period"
        )
        parser.add_argument(
            "--known",
            action="append",
            default=[],
            metavar="COLUMN",
            help="for forecasting: a column whose values of the future are known when a forecast is made",
        )
        parser.add_argument(
            "--static",
            action="append",
            default=[],
            metavar="COLUMN",
            help="for forecasting: a column with one value for each series",
        )
        parser.add_argument(
            "--holidays",
            metavar="COUNTRY",
            help="for forecasting: the country whose public holidays are used, as DE, or a part of it, as DE-BY",
        )
        parser.add_argument("--seed", type=int)
        parser.add_argument("--model", default="", help="the registered model's name; else the file's")
        parser.add_argument("--workspace", default="default", metavar="SLUG")
        parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        out = self.stderr if options["json"] else self.stdout
        try:
            dataset = find_dataset(options)
            out.write(
                f"Dataset {dataset.pk} “{dataset.name}”: {dataset.n_rows} rows, {dataset.n_columns} columns"
            )
            run = training.run_here(
                dataset=dataset,
                options=training_options(options),
                registered_model=options["model"] or dataset.name,
                by=None,
                on_change=Progress(out.write),
            )
        except MlwebError as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise CommandError("Cancelled.", returncode=130) from None
        self.report(run, options)

    def report(self, run: TrainingRun, options: Mapping[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(outcome(run)))
        if run.status != JobStatus.SUCCEEDED:
            raise CommandError(f"Run {run.pk} {run.status}. {run.error}")
        if not options["json"]:
            self.stdout.write("\n".join(verdict(run)))


def find_dataset(options: Mapping[str, Any]) -> Dataset:
    workspace = Workspace.objects.filter(slug=options["workspace"]).first()
    if workspace is None:
        raise CommandError(f"There is no workspace “{options['workspace']}”.")
    if options["dataset"] is not None:
        dataset = Dataset.objects.filter(workspace=workspace, pk=options["dataset"]).first()
        if dataset is None:
            raise CommandError(f"There is no dataset {options['dataset']} in this workspace.")
        return dataset
    path: Path = options["file"]
    try:
        with path.open("rb") as source:
            return datasets.import_csv(workspace=workspace, source=source, filename=path.name, by=None)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None


def training_options(options: Mapping[str, Any]) -> training.TrainingOptions:
    return training.TrainingOptions(
        target=options["target"],
        task=options["task"],
        estimator=options["estimator"],
        params=dict(options["param"]),
        roles=dict(options["role"]),
        max_lost_share=options["max_lost_share"],
        budget_seconds=options["budget"],
        effort=options["effort"],
        seed=options["seed"],
        split=options["split"],
        threshold=options["threshold"],
        positive_class=options["positive"],
        readings=dict(options["reading"]),
        monotone=dict(options["monotone"]),
        weight_column=options["weight_column"],
        forecast={
            "date_column": options["date"],
            "group_column": options["group"],
            "known_columns": options["known"],
            "static_columns": options["static"],
            **{name: options[name] for name in ("horizon", "frequency", "aggregation", "holidays")},
        },
    )


def parameter(text: str) -> tuple[str, Any]:
    """Parse `max_depth=3` as ("max_depth", 3): the value as JSON if it is JSON, else as text."""
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise ValueError(text)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def column_role(text: str) -> tuple[str, str]:
    """Parse `price=numeric`; the name of a column may hold "=", a role or a direction does not."""
    name, separator, role = text.rpartition("=")
    if not name or not separator:
        raise ValueError(text)
    return name, role


class Progress:
    """Prints each new progress message once, with the progress in percent."""

    def __init__(self, write: Any):
        self._write = write
        self._last = ""

    def __call__(self, changes: Mapping[str, Any]) -> None:
        message = changes.get("progress_message", "")
        if message and message != self._last:
            self._last = message
            share = f"{changes['progress']:4.0%}" if "progress" in changes else "    "
            self._write(f"{share}  {translated(message, language())}")


def verdict(run: TrainingRun) -> list[str]:
    version = run.model_version
    baseline = version.evaluation.get("baseline", {})
    lines = [f"{version}: {version.estimator}", f"    {'':24} {'model':>12} {'baseline':>12}"]
    for name, value in version.metrics.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            other = baseline.get(name)
            cell = f"{other:12.5g}" if isinstance(other, (int, float)) else ""
            lines.append(f"    {name:24} {value:12.5g} {cell}")
    if version.threshold is not None:
        lines.append(version.evaluation["decision"]["sentence"])
    if version.signature.positive_name:
        lines.append(f"Precision, recall and F1 are of {quoted(version.signature.positive_name)}.")
    lines += weighting_sentences(version.evaluation)
    lines += forecast_sentences(version.evaluation)
    lines += monotone_sentences(version.evaluation, version.signature.positive_name)
    comparison = version.evaluation.get("verdict", {})
    return [*lines, comparison.get("sentence", ""), *comparison.get("worries", [])]


def outcome(run: TrainingRun) -> dict[str, Any]:
    version = getattr(run, "model_version", None)
    return {
        "run": run.pk,
        "status": run.status,
        "error": run.error,
        "task": run.task,
        "workspace": run.workspace.slug,
        "model": run.registered_model.slug,
        "version": version.number if version else None,
        "estimator": version.estimator if version else None,
        "is_compiled": version.is_compiled if version else None,
        "positive_class": version.signature.positive_name if version else "",
        "metrics": run.metrics,
        "monotone": version.evaluation.get("monotone", []) if version else [],
        "weighting": version.evaluation.get("weighting") if version else None,
        "baseline": version.evaluation.get("baseline", {}) if version else {},
        "verdict": version.evaluation.get("verdict", {}).get("sentence", "") if version else "",
        "warnings": run.warnings,
    }
