from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.errors import InvalidTable, RaggedRows
from predictor.ml.csv_files import surrounding_lines
from predictor.ml.csv_files.csv_encoding import TextFile
from predictor.ml.csv_files.surrounding_lines import LineOptions, OpenedTable, SurroundingLines, open_table

from ..imported_tables import Read

BODY = "".join(f"{n},{n * 2}.5,x{n % 3}\n" for n in range(1, 30))
TABLE = "id,size,name\n" + BODY


def opened(folder: Path, content: str | bytes, **options: Any) -> OpenedTable:
    path = folder / "table.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    known = {name: options.pop(name) for name in ("delimiter", "names", "required") if name in options}
    return open_table(TextFile(path, "utf-8", is_copy=False), scratch, LineOptions(**options), **known)


def left(folder: Path, content: str, **options: Any) -> str:
    return opened(folder, content, **options).text.path.read_bytes().decode()


def test_a_table_alone_is_not_copied(tmp_path: Path) -> None:
    table = opened(tmp_path, TABLE)
    assert not table.text.is_copy
    assert table.lines == SurroundingLines()


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_everything_around_a_table_is_left_out_and_told(tmp_path: Path, newline: str) -> None:
    text = f"# made by a program\nSales\n\nid,size,name\n,[cm],\n{BODY[:18]}# a break\n{BODY[18:]}\nTotal,5\n3 rows\n"
    table = opened(tmp_path, text.replace("\n", newline))
    assert table.text.path.read_bytes().decode().replace(newline, "\n") == TABLE + "\n"
    lines = table.lines
    assert (lines.skip_lines, lines.comment, lines.units_lines, lines.footer_lines) == (3, "#", 1, 2)
    assert lines.n_skipped == 7
    numbered = text.split("\n")
    assert [(each.place, each.text) for each in lines.skipped] == [
        ("above", "# made by a program"),
        ("above", "Sales"),
        ("units", ",[cm],"),
        ("comment", "# a break"),
        ("footer", "Total,5"),
        ("footer", "3 rows"),
    ]
    assert all(numbered[each.line - 1] == each.text for each in lines.skipped)
    assert SurroundingLines.from_json(lines.to_json()) == lines
    assert lines.sentence.startswith(
        "Not read as rows: 3 lines above the header, 1 line of comments, 1 line of units below the header and "
        "2 lines below the table: “# made by a program”"
    )


def test_the_options_name_the_lines(tmp_path: Path) -> None:
    text = "x,y,z\n1,2,3\n" + TABLE + "a,b,c\n"
    assert left(tmp_path, text, skip_lines=2, units_lines=1, footer_lines=1) == TABLE.replace(
        "1,2.5,x1\n", ""
    )
    assert left(tmp_path, "!one\n" + TABLE + "!two, three, four\n", comment="!") == TABLE


def test_options_of_zero_leave_every_line(tmp_path: Path) -> None:
    text = "Sales\n\n" + TABLE + "\n3 rows\n"
    assert left(tmp_path, text, skip_lines=0, comment="none", units_lines=0, footer_lines=0) == text


@pytest.mark.parametrize(
    "options",
    [
        {"skip_lines": -1}, {"skip_lines": 1_000_000}, {"footer_lines": -1}, {"comment": "ab"}, {"comment": '"'},
        {"comment": "####"}, {"skip_lines": 500},
    ],
)  # fmt: skip
def test_options_that_cannot_be_used_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidTable) as refusal:
        opened(tmp_path, TABLE, **options)
    assert refusal.value.field in options


@pytest.mark.parametrize("footer", ["Total,,99\n", "Summe:,99,\n", "3 rows,,\n", "Source: a book,,\n"])
def test_a_last_row_of_full_width_stays_and_is_proposed(tmp_path: Path, footer: str) -> None:
    table = opened(tmp_path, TABLE + footer)
    assert not table.text.is_copy
    (proposal,) = table.lines.proposals
    assert (proposal.option, proposal.value) == ("footer_lines", 1)
    assert left(tmp_path, TABLE + footer, footer_lines=1) == TABLE


@pytest.mark.parametrize(
    "last", ["9", "9,9", "Bob", "\n9", "9,9,9,9", '9,9,"Total\n3 rows\n"', "9,9,9\n\nx,y,z,w\n1,2,3,4"]
)
def test_a_last_row_that_was_cut_is_no_footer(tmp_path: Path, last: str) -> None:
    assert opened(tmp_path, TABLE + last + "\n").lines.footer_lines == 0


def test_a_note_below_a_blank_line_is_a_footer(tmp_path: Path) -> None:
    assert left(tmp_path, TABLE + "\n* provisional, see page 3\nprinted on Monday\n") == TABLE + "\n"


def test_a_long_footer_is_found_from_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surrounding_lines, "TAIL", 16)
    monkeypatch.setattr(surrounding_lines, "BLOCK", 10)
    footer = "".join(f"line {n}\n\n" for n in range(30))
    table = opened(tmp_path, TABLE + footer, footer_lines=30)
    assert table.text.path.read_text() == TABLE
    assert table.lines.footer_lines == 30
    assert [each.line for each in table.lines.skipped][:3] == [31, 33, 35]


def test_what_is_shown_is_bounded(tmp_path: Path) -> None:
    table = opened(tmp_path, "".join(f"# {n} {'x' * 900}\n" for n in range(45)) + TABLE)
    assert table.lines.n_skipped == 45
    assert len(table.lines.skipped) == 20
    assert max(len(each.text) for each in table.lines.skipped) == 200


def test_a_mark_within_quotes_or_in_a_row_is_no_comment(tmp_path: Path) -> None:
    text = '# colours\ncode,words,n\n"a","b\n# not a comment\n",1\n#ff0000,red,2\n# a comment\nb,c,3\n'
    table = opened(tmp_path, text)
    assert table.text.path.read_text() == text.replace("# colours\n", "").replace("# a comment\n", "")


def test_a_file_in_the_folder_of_the_copy_stays(tmp_path: Path) -> None:
    for name in ("rows.csv", "table.csv"):
        path = tmp_path / name
        path.write_text("Sales\n\n" + TABLE)
        table = open_table(TextFile(path, "utf-8", is_copy=False), tmp_path)
        assert table.text.path.read_text() == TABLE
        assert path.read_text() == "Sales\n\n" + TABLE


def test_known_names_find_the_header(tmp_path: Path) -> None:
    text = "Cities\nname,city\nBob,Rome\nEve,Ulm\n"
    table = opened(tmp_path, text, names=["name", "city"], required=["name"])
    assert table.text.path.read_text() == text.removeprefix("Cities\n")
    assert table.delimiter == ","


# From outside, so to speak: the whole import.
def test_a_report_is_read_from_its_header_on(read: Read) -> None:
    imported = read("Umsatz im Juni\n\n" + TABLE)
    assert len(imported.rows) == 29
    assert imported.rows[0] == {"id": 1, "size": 2.5, "name": "x1"}
    assert imported.report.lines.skip_lines == 2


def test_a_file_of_another_encoding_is_read_from_its_header_on(read: Read) -> None:
    imported = read(("Umsätze im März\n\n" + TABLE).encode("utf-16"))
    assert imported.rows[0] == {"id": 1, "size": 2.5, "name": "x1"}
    assert imported.report.lines.skipped[0].text == "Umsätze im März"


def test_a_total_is_a_row_with_a_warning(read: Read) -> None:
    imported = read(TABLE + "Total,99,\n")
    assert len(imported.rows) == 30
    assert (
        "“Total,99,”) looks like a total; it was read as a row. “footer_lines” 1 leaves it out."
        in imported.warnings
    )
    assert len(read(TABLE + "Total,99,\n", footer_lines=1).rows) == 29


def test_a_doubtful_header_is_proposed(read: Read) -> None:
    with pytest.raises(
        RaggedRows, match="The header may be line 2: choose to skip the line above it"
    ) as refusal:
        read("Cities\nname,city\nBob,Rome\nEve,Ulm\n")
    assert (refusal.value.option, refusal.value.value) == ("skip_lines", "1")


def test_a_second_table_is_proposed_to_be_left_out(read: Read) -> None:
    text = TABLE + "\nregion,area,people,density\n" + "North,1,2,3\n" * 8
    with pytest.raises(RaggedRows, match="leave out the last 9 lines") as refusal:
        read(text)
    assert (refusal.value.option, refusal.value.value) == ("footer_lines", "9")
    assert len(read(text, footer_lines=9).rows) == 29


def test_to_leave_out_most_rows_is_never_advised(read: Read) -> None:
    with pytest.raises(RaggedRows) as refusal:
        read("a,b\nr1,1,2\nr2,3,4\n")
    assert "leave" not in refusal.value.message
    assert refusal.value.option == ""


CELLS = st.text('abc 1,;"\n', max_size=5)


@given(
    above=st.lists(
        st.sampled_from(["A report", "made on Monday", "# 1, 2; 3", "Region North"]), min_size=1, max_size=5
    ),
    has_blank=st.booleans(),
    delimiter=st.sampled_from(",;\t|"),
    rows=st.lists(st.tuples(st.integers(), CELLS, CELLS), min_size=3, max_size=30),
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_lines_above_are_left_out_of_any_table(
    tmp_path_factory: pytest.TempPathFactory,
    above: list[str],
    has_blank: bool,
    delimiter: str,
    rows: list[tuple[int, str, str]],
) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_NONNUMERIC).writerows(
        [("id", "first", "second"), *rows]
    )
    title = "".join(line + "\r\n" for line in [*above, *[""] * has_blank])
    folder = tmp_path_factory.mktemp("table")
    assert left(folder, title + text.getvalue(), delimiter=delimiter) == text.getvalue()


def test_blanks_before_quotes_do_not_make_a_name_the_only_delimiter(read: Read) -> None:
    imported = read('a, "x", b;c\n' + "".join(f'{row}, {row}, "{row},5"\n' for row in range(1, 20)))
    assert imported.report.delimiter == ","
    assert imported.rows[0] == {"a": 1, "x": 1, "b;c": 1.5}


@pytest.mark.parametrize("first", ["\t#DIV/0!", "#1\t4"])
def test_a_row_that_begins_like_a_comment_and_goes_over_two_lines_stays(read: Read, first: str) -> None:
    rows = [f"{row}\t{row}\tred" for row in range(9)]
    imported = read("a\tb\tc\n" + "\n".join([*rows, f'{first}\t"two\nlines"', *rows]) + "\n")
    assert len(imported.rows) == 19
    assert imported.rows[9]["c"] == "two\nlines"


@pytest.mark.parametrize("cell", [" " * 1_000_000 + "x", "(" + " " * 1_000_000, "1" + " ," * 500_000 + "x"])
def test_a_long_cell_is_no_count_of_rows_and_takes_no_more_time_than_its_length(cell: str) -> None:
    assert surrounding_lines.ROW_COUNT.match(cell) is None


@pytest.mark.parametrize(
    "cell", ["12 rows", " ( 1,234 records)", "(3 Zeilen)", "1'000 lines", "5 rows selected."]
)
def test_a_count_of_rows_is_recognised(cell: str) -> None:
    assert surrounding_lines.ROW_COUNT.match(cell) is not None
