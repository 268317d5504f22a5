from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from predictor.models import PredictionLog, RegisteredModel, User, Workspace
from predictor.services import registry
from predictor.services.predictions import loaded_versions


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("x1,x2\n1,2\n3,4\n")
    return path


@pytest.fixture
def article(workspace: Workspace) -> RegisteredModel:
    loaded_versions.forget_all()
    call_command(
        *("register_linear", "--name", "article", "--workspace", "acme"),
        *("--coef", "0.5", "0.3", "--intercept", "-1.5"),
        stdout=io.StringIO(),
    )
    return RegisteredModel.objects.get(slug="article")


def run(*words: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("predict", *map(str, words), "--workspace", "acme", stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_linear_model_is_registered_and_becomes_champion(article: RegisteredModel) -> None:
    version = registry.version_of(article)

    assert (version.number, version.signature.names) == (1, ("x1", "x2"))


def test_features_can_be_named(workspace: Workspace) -> None:
    call_command(
        *("register_linear", "--name", "m", "--workspace", "acme", "--coef", "1", "2"),
        *("--feature", "age", "height"),
        stdout=io.StringIO(),
    )

    assert registry.version_of(RegisteredModel.objects.get()).signature.names == ("age", "height")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--coef", "nan"], "finite"),
        (["--coef", "1", "2", "--feature", "a"], "2 coefficients but 1 feature"),
        (["--coef", "1", "2", "--feature", "a", "a"], "have to differ"),
    ],
)
def test_invalid_coefficients_are_refused(workspace: Workspace, words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("register_linear", "--name", "m", "--workspace", "acme", *words)

    assert not RegisteredModel.objects.exists()


def test_an_unknown_workspace_is_refused(db: None) -> None:
    with pytest.raises(CommandError, match="no workspace"):
        call_command("register_linear", "--name", "m", "--coef", "1", "--workspace", "nowhere")


def test_a_file_is_predicted_to_standard_output(article: RegisteredModel, table: Path) -> None:
    out, err = run("article", table)

    assert out.splitlines() == ["x1,x2,prediction,warnings", "1,2,-0.4,", "3,4,1.2,"]
    assert "2 rows by article version 1" in err
    assert PredictionLog.objects.filter(source="command").count() == 2


def test_a_file_is_predicted_to_a_file_by_a_version(
    article: RegisteredModel, table: Path, tmp_path: Path
) -> None:
    output = tmp_path / "result.csv"

    out, _ = run("article", table, "--version", "1", "--output", output)

    assert (out, output.read_text().splitlines()[1]) == ("", "1,2,-0.4,")


def test_what_cannot_be_predicted_is_refused_with_a_sentence(article: RegisteredModel, table: Path) -> None:
    for words, sentence in (
        (["nothing", table], "no model"),
        (["article", "/nowhere.csv"], "no file"),
        (["article", table, "--version", "9"], "no version “9”"),
    ):
        with pytest.raises(CommandError, match=sentence):
            run(*words)


def test_the_command_needs_no_user(article: RegisteredModel, table: Path) -> None:
    run("article", table)

    assert not User.objects.exists()
    assert PredictionLog.objects.first().actor is None  # type: ignore[union-attr]


def test_a_batch_predicts_valid_rows(article: RegisteredModel, tmp_path: Path) -> None:
    path, result = tmp_path / "rows.jsonl", tmp_path / "result.jsonl"
    path.write_text('{"x1": 1, "x2": 2}\n{"x1": "abc", "x2": 2}\n')

    _, message = run("article", path, "--batch", "--output", result)

    assert "2 rows by article version 1, 0 with warnings, 1 without an answer." in message
    assert '"prediction":-0.4' in result.read_text().splitlines()[0]
    assert path.stat().st_nlink == 1  # people go on writing to their own file


def test_a_batch_that_is_refused_says_why(article: RegisteredModel, table: Path) -> None:
    table.write_text("x1,x2\n1,2\n3,\n")

    with pytest.raises(CommandError, match="strict refuses"):
        run("article", table, "--batch", "--strict")
    table.write_text("a,b\n1,2\n")
    with pytest.raises(CommandError, match="lacks the columns"):
        run("article", table, "--batch")
