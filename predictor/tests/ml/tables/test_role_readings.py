from __future__ import annotations

from pathlib import Path

from predictor.ml.tables.role_readings import with_readings
from predictor.ml.tables.stored_tables import read_columns
from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.schema import Role

from ..imported_tables import import_csv


def test_a_role_reads_what_it_can_and_counts_the_rest(tmp_path: Path) -> None:
    imported = import_csv(tmp_path, "v;w\n1,5;a\nk.A.;b\n(4);c\n;d\n")
    schema = imported.schema
    column = schema["v"].with_role(Role.NUMERIC)
    schema, (found,) = with_readings(
        imported.parquet, type(schema)((column, schema["w"]), schema.n_rows, schema.decimal), ["v"]
    )
    assert (found.n_values, found.lost) == (3, {"k.A.": 1})
    assert list(found.sentences) == [
        "1 of 3 cells of “v” are not read as numbers and became missing: “k.A.”."
    ]
    assert read_columns(imported.parquet, schema, ["v"])["v"][[0, 2]].tolist() == [1.5, -4.0]
    assert schema["v"].reading == Reading(ValueKind.NUMBER, ",", missing=("k.a.",))
