from __future__ import annotations

import shutil
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, BinaryIO

from ...errors import MlwebError
from ...models import PredictionSource, RegisteredModel
from ...services import batches, predictions
from ...services.predictions import Caller, PredictionOptions
from ..base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Predict every row of a CSV file, or the next periods of a forecast, as CSV."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # Replace Django's own --version: here it is the version of the model.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", help="The registered model's slug.")
        parser.add_argument("file", type=Path, nargs="?", help="A CSV file with the model's features.")
        parser.add_argument(
            "--batch",
            action="store_true",
            help="A file of any size: CSV, Parquet or JSON lines. A bad row gets an error and does not end it.",
        )
        parser.add_argument(
            "--horizon", type=int, metavar="N", help="Instead: the next N periods of a forecast."
        )
        parser.add_argument("--group", help="The series to forecast; else all of them.")
        parser.add_argument(
            "--future", type=Path, metavar="CSV", help="Of a forecast: the values that are known in advance."
        )
        parser.add_argument(
            "--quantile",
            type=float,
            action="append",
            default=[],
            metavar="LEVEL",
            help="Of a forecast: the value that the outcome lies below with this probability; repeatable.",
        )
        parser.add_argument(
            "--history", type=Path, metavar="CSV", help="Of a forecast: values newer than the training data."
        )
        parser.add_argument("--workspace", default="default", help="Its short name.")
        parser.add_argument("--version", dest="model_version", help="Its number or an alias; else champion.")
        parser.add_argument("--strict", action="store_true", help="Refuse rows with warnings.")
        parser.add_argument(
            "--coverage", type=float, help="Of the intervals or sets, 0.5 to 0.99; 0.9 when not given."
        )
        parser.add_argument("--output", type=Path, help="Where the result goes; else standard output.")

    def handle(self, *args: Any, **options: Any) -> None:
        model = _model(options)
        if (options["file"] is None) == (options["horizon"] is None):
            raise CommandError("Give either a file or a horizon.")
        if options["file"] is not None and not options["file"].is_file():
            raise CommandError(f"There is no file {options['file']}.")
        if options["horizon"] is None and (options["future"] or options["history"] or options["quantile"]):
            raise CommandError("Future, history and quantiles stand beside a horizon.")
        arguments = {
            "registered_model": model,
            "options": PredictionOptions(
                version=options["model_version"],
                coverage=options["coverage"],
                strict=options["strict"] and options["file"] is not None,
                horizon=options["horizon"],
                group=options["group"],
                future=_rows(options["future"]),
                history=_rows(options["history"]),
                quantiles=tuple(options["quantile"]),
                are_texts=options["horizon"] is not None,
            ),
            "caller": Caller(None, PredictionSource.COMMAND),
        }
        try:
            summary = self._predict(arguments, options)
        except MlwebError as error:
            raise CommandError(str(error)) from None
        self.stderr.write(summary)

    def _predict(self, arguments: dict[str, Any], options: dict[str, Any]) -> str:
        """Predict, write the result, and return a sentence about it."""
        if options["horizon"] is not None:
            return self._forecast(arguments, options)
        if options["batch"]:
            return self._predict_batch(arguments, options["file"], options["output"])
        return self._predict_csv(arguments, options["file"], options["output"])

    def _predict_csv(self, arguments: dict[str, Any], file: Path, output: Path | None) -> str:
        answer = predictions.predict_csv(**arguments, file=file)
        try:
            self._write_file(answer.path, output)
        finally:
            answer.path.unlink(missing_ok=True)
        return (
            f"{answer.n_rows:,} rows by {answer.model} version {answer.version}, "
            f"{answer.n_rows_with_warnings:,} with warnings."
        )

    def _predict_batch(self, arguments: dict[str, Any], file: Path, output: Path | None) -> str:
        batch = batches.run_here(**arguments, data=file, filename=file.name, may_link=False)
        if not batch.has_result:
            raise CommandError(f"The batch has {batch.status}. {batch.error}")
        with batches.open_result(batch) as result:
            _write_bytes(result, output)
        return (
            f"{batch.n_rows_done:,} rows by {batch.registered_model.slug} version {batch.model_version.number}, "
            f"{batch.n_warnings:,} with warnings, {batch.n_errors:,} without an answer."
        )

    def _forecast(self, arguments: dict[str, Any], options: dict[str, Any]) -> str:
        answer = predictions.predict(**arguments)
        text = predictions.forecast_csv(answer)
        if options["output"] is None:
            self.stdout.write(text, ending="")
        else:
            options["output"].write_text(text, "utf-8")
        return f"{len(answer.rows):,} periods by {answer.model} version {answer.version}."

    def _write_file(self, result: Path, output: Path | None) -> None:
        if output is not None:
            shutil.copyfile(result, output)
            return
        with result.open(encoding="utf-8", newline="") as file:
            for line in file:
                self.stdout.write(line, ending="")


def _rows(path: Path | None) -> list[dict[str, str | None]]:
    """The rows of a small CSV file."""
    if path is None:
        return []
    try:
        return predictions.rows_of_csv(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CommandError(f"{path} cannot be read: {reason}.") from None
    except MlwebError as error:
        raise CommandError(f"{path}: {error}") from None


def _model(options: dict[str, Any]) -> RegisteredModel:
    model = RegisteredModel.objects.filter(
        workspace__slug=options["workspace"], slug=options["model"]
    ).first()
    if model is None:
        raise CommandError(f"There is no model “{options['model']}” in “{options['workspace']}”.")
    return model


def _write_bytes(result: BinaryIO, output: Path | None) -> None:
    if output is None:
        # Bytes, since Parquet is not text.
        shutil.copyfileobj(result, sys.stdout.buffer, 1 << 20)
        return
    with output.open("wb") as file:
        shutil.copyfileobj(result, file, 1 << 20)
