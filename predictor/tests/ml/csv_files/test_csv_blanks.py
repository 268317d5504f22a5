from __future__ import annotations

from pathlib import Path

import pytest

from predictor.ml.csv_files import csv_blanks

from ..imported_tables import Read


@pytest.mark.parametrize(
    "text",
    [
        'a, "b,c" ,d\n1, "x, y" , 3\n2, "say ""hi"" " ,4\n',
        'a,"b,c" ,d\n1,"x, y" ,3\n2,"say ""hi"" ",4\n',
        ' "a", "b,c", "d"\r\n "1", "x, y", "3"\r\n "2", "say ""hi"" ", "4"\r\n',
    ],
)
def test_blanks_around_quotes_are_no_part_of_a_cell(read: Read, text: str) -> None:
    assert read(text).rows == [
        {"a": 1, "b,c": "x, y", "d": 3},
        {"a": 2, "b,c": 'say "hi" ', "d": 4},
    ]


def test_blanks_within_quotes_and_in_unquoted_cells_of_other_files_stay(read: Read) -> None:
    assert read('a,b\n" x ",1\n y ,2\n').rows == [{"a": " x ", "b": 1}, {"a": " y ", "b": 2}]
    assert read('a;b\nyes, "no";1\nso;2\n').rows[0] == {"a": 'yes, "no"', "b": 1}


def test_blanks_are_removed_across_blocks(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blanks, "BLOCK", 5)
    assert read('a, "b,c"\n1, "x,\n y"\n').rows == [{"a": 1, "b,c": "x,\n y"}]


def test_a_file_without_such_blanks_is_not_copied(read: Read, tmp_path: Path) -> None:
    read('a,b\n1,"x"\n')
    assert not (tmp_path / "scratch" / "blanks.csv").exists()
