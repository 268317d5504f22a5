from __future__ import annotations

import ast

import pytest

from predictor.i18n.sentences import Finder, literals_of, names_of


def found(source: str) -> list[str]:
    return Finder().found_in(ast.parse(source))


@pytest.mark.parametrize(
    ("source", "patterns"),
    [
        ('raise E("Choose a file.")', ["Choose a file."]),
        ('raise E(f"The column {quoted(name)} has {n:,} values.")', ["The column {name} has {n} values."]),
        ('x = f"{len(rows):,} of {len(all_rows):,} rows"', ["{n_rows} of {n_all_rows} rows"]),
        ('x = f"{self.low} to {other.low} rows"', ["{low} to {low_2} rows"]),
        ("x = f\"{n} fault{'s' if n > 1 else ''} left\"", ["{n} fault{s} left"]),
        (
            "x = f\"It is {'less' if a else 'more'} than {b}.\"",
            ["It is less than {b}.", "It is more than {b}."],
        ),
        ("x = \"It begins\" if a else \"It goes on\"", ["It begins", "It goes on"]),
        ('x = counted(n, "row")', ["{n} row{s}"]),
        ("x = f\"{counted(n, 'row')} left out\"", ["{n} row{s} left out"]),
        ('x = "Send " + name + " as JSON."', ["Send {name} as JSON."]),
        ('x = "Send {{}} to {place}."', ["Send {{}} to {place}."]),
        ('x = "Send {\\"rows\\": []}."', ['Send {{"rows": []}}.']),
        ('x = "Fitting {} again"', ["Fitting {value_1} again"]),
        ("x = (\"One, \"\n     f\"{two} three.\")", ["One, {two} three."]),
        ('A = Estimator("Lasso", help="Sets some to zero.")', ["Lasso", "Sets some to zero."]),
    ],
)  # fmt: skip
def test_a_sentence_becomes_a_pattern(source: str, patterns: list[str]) -> None:
    assert found(source) == patterns


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring that nobody sees."""',
        'def f():\n    "Another one of these."',
        'logger.warning("The worker went silent.")',
        'x = connection.sql("SELECT a FROM b")',
        'x = f"SELECT {a} FROM b WHERE c"',
        'x = {"two words": 1}["two words"]',
        'if kind == "not ready": pass',
        'raise RuntimeError("cannot happen here")',
        'x = "application/json; charset=utf-8"',
        'x = "/api/v1/datasets/"',
        'x = "champion"',
        'x = f"{a}: {b}"',
        'x = re.compile("of (the )?rows")',
        'x = _("Choose a file.")',
    ],
)
def test_what_nobody_reads_becomes_none(source: str) -> None:
    assert found(source) == []


def test_a_pattern_has_one_literal_more_than_names() -> None:
    assert literals_of("{a}{b} of {{x}} {c}.") == ["", "", " of {x} ", "."]
    assert names_of("{a}{b} of {{x}} {c}.") == ["a", "b", "c"]
