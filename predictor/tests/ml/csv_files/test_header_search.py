from __future__ import annotations

import pytest

from predictor.ml.csv_files.csv_dialect import DELIMITERS
from predictor.ml.csv_files.header_search import VALUE, Header, find_header, find_units, is_unit, is_value

ROWS = ["1;2,5;x\n", "2;3,5;y\n", "3;4,5;z\n"]


def place(lines: list[str], **known: list[str]) -> tuple[int, str]:
    header = find_header(lines, DELIMITERS, **known)
    return header.line, header.delimiter


@pytest.mark.parametrize(
    "above",
    [
        ["Sales in June\n"],
        ["Sales in June, by region, in thousands\n", "\n"],
        ["Sales;;\n", ";;\n"],
        ["# made by a program; 2024; v2\n", "# second\n"],
        ["Region: North\n", "Year: 2024\n", "\n", "\n"],
    ],
)
def test_the_header_below_titles_and_comments_is_found(above: list[str]) -> None:
    assert place([*above, "id;size;name\n", *ROWS]) == (len(above), ";")


def test_lines_of_key_and_value_stand_above_a_wide_table() -> None:
    lines = [
        "Station,Ulm\n",
        "Period,2024\n",
        "day,min,max,mean\n",
        "2024-01-01,1,3,2\n",
        "2024-01-02,2,4,3\n",
    ]
    assert place(lines) == (2, ",")


@pytest.mark.parametrize(
    "lines",
    [
        # One name for rows of two cells, as R writes rows with their names: the first row is no header.
        ["x\n", "r1,5\n", "r2,6\n"],
        ["a,b\n", "r1,1,2\n", "r2,3,4\n"],
        # Nothing but texts, and no blank line: either may be the header.
        ["Cities\n", "name,city\n", "Bob,Rome\n", "Eve,Ulm\n"],
        ["#id,name\n", "1,a\n", "2,b\n"],
        ["year,2019,2020\n", "a,1,2\n"],
        ["only\n", "1\n", "2\n"],
    ],
)
def test_without_evidence_the_first_line_is_the_header(lines: list[str]) -> None:
    assert find_header(lines, DELIMITERS).line == 0


def test_a_line_that_may_be_the_header_is_a_doubt() -> None:
    lines = ["Cities\n", "name,city\n", "Bob,Rome\n", "Eve,Ulm\n"]
    assert find_header(lines, DELIMITERS) == Header(0, ",", doubt=1)
    assert find_header(["x\n", "r1,5\n", "r2,6\n"], DELIMITERS).doubt == 0


def test_a_comment_as_wide_as_the_table_stands_above_a_header_that_fits_the_types() -> None:
    assert place(["# a;b;c\n", "id;size;name\n", *ROWS]) == (1, ";")
    assert place(["#id;size;name\n", *ROWS]) == (0, ";")


def test_years_are_names_below_a_title() -> None:
    assert place(["Population\n", "country,2019,2020\n", "DE,83,83\n", "FR,67,68\n"]) == (1, ",")


def test_known_names_tell_where_the_header_is() -> None:
    lines = ["Cities\n", "name,city\n", "Bob,Rome\n"]
    assert place(lines, names=["name", "city"], required=["name"]) == (1, ",")
    # A name alone is no reason to take the line above, which holds fewer of them.
    assert place(["name\n", "name|city\n", "Bob|Rome\n"], names=["name", "city"]) == (1, "|")
    assert place(["a,b\n", "1,2\n"], names=["c"], required=["c"]) == (0, ",")
    # A row may hold the names of columns, too.
    assert place(["kind;age;x\n", "age;kind;x\n"], names=["kind", "age", "x"]) == (0, ";")
    assert place(["age\n", "kind\n"], names=["kind", "age"]) == (0, ",")


@pytest.mark.parametrize(
    "text", ["[kg]", "(m/s)", "°C", "%", "kg", "m/s", "kg/m^3", "µg·l", "m s^-2", "km/h", "W/m²"]
)
def test_units_are_known(text: str) -> None:
    assert is_unit(text)


@pytest.mark.parametrize("text", ["", "Bob", "1", "1.5", "kgs of", "name", "mz"])
def test_other_texts_are_no_units(text: str) -> None:
    assert not is_unit(text)


@pytest.mark.parametrize("text", ["1", "-1.5", "1,234.50", "$3", "3 %", "2024-01-31", "10:30", "1e-5", "(4)", "1.2.2024", "2024-01-01T10:00:00Z"])  # fmt: skip  # noqa: E501
def test_values_look_like_values(text: str) -> None:
    assert is_value(text)


@pytest.mark.parametrize("text", ["", "x", "r1", "1st", "NA", "kg"])
def test_other_texts_are_no_values(text: str) -> None:
    assert not is_value(text)


def test_units_below_the_header_are_found() -> None:
    units = find_units(["t;v;name\n", "s;m/s;\n", "1;2;x\n", "2;3;y\n"], ";")
    assert units is not None
    assert (units.record.line, units.is_doubtful) == (1, False)


def test_texts_below_the_header_are_a_doubt() -> None:
    units = find_units(["t;v\n", "int;float\n", "1;2\n", "2;3\n", "3;3\n"], ";")
    assert units is not None
    assert units.is_doubtful


@pytest.mark.parametrize(
    "lines",
    [
        ["d,x\n", "-,1\n", "2024-01-31,1\n"],
        ["d,x\n", "n/a,\n", "2024-01-31,1\n"],
        ["size,n\n", "m,\n", "s,2\n", "l,3\n"],
        ["t;v\n", "1;2\n", "2;3\n"],
        ["t;v\n", "s;m\n"],
        ["x\n", "m\n", "1\n", "2\n"],
    ],
)
def test_a_row_is_no_line_of_units(lines: list[str]) -> None:
    assert find_units(lines, ";" if ";" in lines[0] else ",") is None


@pytest.mark.parametrize("cell", ["1{}!", "({}1{}!", "1T1{}!", "1.5{}%{}x", "12:30{}$x", "1e5{}€{}!"])
def test_a_run_of_blanks_takes_no_more_time_than_its_length(cell: str) -> None:
    """Where a run could be divided among parts of the pattern, 200 blanks took a second; these would take for ever."""
    assert VALUE.fullmatch(cell.replace("{}", " " * 20_000)) is None


def test_a_long_text_is_no_unit_and_takes_no_more_time_than_its_length() -> None:
    assert not is_unit("1" * 1_000_000 + "x")
    assert not is_unit("[" + "m" * 60 + "]")
