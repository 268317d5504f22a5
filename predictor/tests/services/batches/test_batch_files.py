from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import orjson
import pytest
from pytest_django import Settings

from predictor.errors import InvalidInput, InvalidRows, InvalidTable, MlwebError, TooLarge
from predictor.ml.inputs.row_checker import RowChecker
from predictor.ml.inputs.row_chunks import BulkChunk
from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.models import BatchFormat
from predictor.services.batches import batch_files
from predictor.services.batches.batch_files import format_of, open_rows, require_predictable_rows

SIGNATURE = Signature(
    target="y", task=Task.REGRESSION,
    fields=(FeatureField("x1", Role.NUMERIC), FeatureField("city", Role.CATEGORICAL, has_missing=True)),
)  # fmt: skip
SERVED: Any = SimpleNamespace(signature=SIGNATURE, checker=RowChecker(SIGNATURE))


def file(folder: Path, content: str | bytes, name: str = "rows") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# --- The format ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "filename", "requested", "kind"),
    [
        (b"x1\n1\n", "rows.csv", "", "csv"),
        (b"x1\n1\n", "", "", "csv"),
        (b"x1\n1\n", "rows.txt", "", "csv"),
        (b"", "rows", "", "csv"),
        (b"", "rows.PARQUET", "", "parquet"),
        (b"", "Größe.ndjson", "", "jsonl"),
        (b"", "rows.jsonl", "", "jsonl"),
        (b"PAR1...", "rows.csv", "", "parquet"),
        (b'{"x1": 1}\n', "rows.csv", "", "jsonl"),
        (b'\xef\xbb\xbf \n{"x1": 1}\n', "", "", "jsonl"),
        (b"PAR1...", "rows.parquet", "csv", "csv"),
        (b'{"x1": 1}\n', "rows.jsonl", "csv", "csv"),
        (b"x1\n1\n", "rows.csv", "jsonl", "jsonl"),
    ],
)
def test_the_format_is_the_one_asked_for_else_what_the_bytes_say_else_the_name(
    tmp_path: Path, content: bytes, filename: str, requested: str, kind: str
) -> None:
    assert format_of(file(tmp_path, content), filename, requested) is BatchFormat(kind)


def test_an_unknown_format_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        format_of(tmp_path / "missing", "rows.csv", "xlsx")

    assert refused.value.message == "There is no format “xlsx”. Choose one of “csv”, “parquet”, “jsonl”."


def test_each_format_has_its_media_type() -> None:
    assert set(batch_files.MEDIA_TYPES) == set(BatchFormat)


# --- The rows ------------------------------------------------------------------------------------------------
def written(folder: Path, kind: str, rows: Sequence[tuple[Any, Any]]) -> Path:
    """A file of this format with the columns x1 and city."""
    if kind == "csv":
        return file(folder, "x1,city\n" + "".join(f"{x1},{city}\n" for x1, city in rows))
    if kind == "jsonl":
        return file(folder, b"".join(orjson.dumps({"x1": x1, "city": city}) + b"\n" for x1, city in rows))
    path = folder / "rows"
    values = ", ".join(f"({x1}, '{city}')" for x1, city in rows)
    duckdb.sql(f"COPY (SELECT * FROM (VALUES {values}) t(x1, city)) TO '{path}' (FORMAT parquet)")
    return path


def opened(path: Path, kind: str, **options: Any) -> Any:
    return open_rows(path, BatchFormat(kind), SERVED, options, scratch=path.parent)


@pytest.mark.parametrize("kind", BatchFormat.values)
def test_rows_are_the_same_from_every_format(tmp_path: Path, kind: str) -> None:
    source = opened(written(tmp_path, kind, [(1, "Ulm"), (2.5, "Łódź")]), kind)

    (chunk,) = source.bulk_chunks()

    assert (chunk.first_row, chunk.n_rows, list(chunk.places)) == (1, 2, [0, 1])
    assert [orjson.loads(each) for each in chunk.inputs] == [
        {"x1": 1, "city": "Ulm"},
        {"x1": 2.5, "city": "Łódź"},
    ]
    assert chunk.columns["x1"].tolist() == [1.0, 2.5]
    assert source.share_read == 1.0


@pytest.mark.parametrize("kind", BatchFormat.values)
def test_the_number_of_rows_is_limited_by_the_setting(tmp_path: Path, settings: Settings, kind: str) -> None:
    settings.MAX_BATCH_ROWS = 2
    few, many = tmp_path / "few", tmp_path / "many"
    few.mkdir()
    many.mkdir()
    assert sum(each.n_rows for each in opened(written(few, kind, [(1, "a")] * 2), kind).bulk_chunks()) == 2

    with pytest.raises(TooLarge, match="2 rows") as refused:
        list(opened(written(many, kind, [(1, "a")] * 3), kind).bulk_chunks())

    assert refused.value.limit == 2


@pytest.mark.parametrize(
    ("kind", "setting", "value", "error"),
    [
        ("csv", "MAX_UPLOAD_BYTES", 10, TooLarge),
        ("csv", "MAX_TABLE_COLUMNS", 1, TooLarge),
        ("parquet", "MAX_TABLE_COLUMNS", 1, TooLarge),
        ("parquet", "MAX_CELL_BYTES", 3, TooLarge),
    ],
)
def test_other_limits_are_those_of_the_settings_too(
    tmp_path: Path, settings: Settings, kind: str, setting: str, value: int, error: type[MlwebError]
) -> None:
    path = written(tmp_path, kind, [(1, "long")])
    list(opened(path, kind).bulk_chunks())
    setattr(settings, setting, value)

    with pytest.raises(error):
        list(opened(path, kind).bulk_chunks())


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_row_that_is_too_long_does_not_end_the_file(tmp_path: Path, settings: Settings, kind: str) -> None:
    settings.MAX_CELL_BYTES = 5
    n_bytes = batch_files.CELLS_A_LINE * 5
    path = written(tmp_path, kind, [(1, "a"), (2, "x" * n_bytes), (3, "b")])

    (chunk,) = opened(path, kind).bulk_chunks()

    assert list(chunk.places) == [0, 2]
    assert f"{n_bytes if kind == 'jsonl' else 5} bytes" in chunk.errors[1]


def test_options_say_how_a_csv_is_written(tmp_path: Path) -> None:
    path = file(tmp_path, "x1;city\n1,5;Größe\n".encode("cp1252"))

    source = opened(path, "csv", encoding="cp1252", delimiter=";", decimal=",")

    (chunk,) = source.bulk_chunks()
    assert [orjson.loads(each) for each in chunk.inputs] == [{"x1": 1.5, "city": "Größe"}]


# --- Refused at once -----------------------------------------------------------------------------------------
def chunk_of(
    lines: Sequence[str], *, errors: dict[int, str] | None = None, warnings: Any = None
) -> BulkChunk:
    errors = errors or {}
    places = [place for place in range(len(lines)) if place not in errors]
    return BulkChunk(1, lines, places, {}, [], warnings or {}, errors)


class Source:
    """Chunks that were made by hand."""

    n_rows_total = None
    share_read = 0.0

    def __init__(self, *chunks: BulkChunk, names: tuple[str, ...] = ()):
        self.names, self._chunks = names, chunks
        self.n_read = 0

    def bulk_chunks(self, *, skip: int = 0) -> Iterator[BulkChunk]:
        for chunk in self._chunks:
            self.n_read += 1
            yield chunk


def test_a_file_without_rows_is_refused() -> None:
    with pytest.raises(InvalidTable, match="The file holds no rows"):
        require_predictable_rows(Source())


def test_a_first_chunk_without_a_good_row_is_refused_with_its_first_five_errors() -> None:
    bad = chunk_of(["x"] * 1_234, errors={place: f"Row {place + 1} is bad." for place in range(1_234)})

    with pytest.raises(InvalidRows) as refused:
        require_predictable_rows(Source(bad, chunk_of(["x"])))

    sentences = " ".join(f"Row {number} is bad." for number in range(1, 6))
    assert refused.value.message == f"None of the first 1,234 rows can be predicted. {sentences}"


def test_one_good_row_is_enough_and_only_the_first_chunk_is_read() -> None:
    source = Source(chunk_of(["x", "y"], errors={0: "Bad."}), chunk_of(["z"], errors={0: "Bad."}))

    require_predictable_rows(source)

    assert source.n_read == 1
