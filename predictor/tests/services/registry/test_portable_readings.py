"""Portable exports read texts by the declared readings of a version, with the same values as the service."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.features.feature_spec import FeatureSpec
from predictor.ml.inputs import csv_rows
from predictor.ml.inputs.value_readers import InvalidValue, reader_for
from predictor.ml.persistence.portable import browser_signature, runner_spec
from predictor.ml.types.reading import Reading, Unreadable, ValueKind
from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.models import User, Workspace
from predictor.services.registry import portable
from predictor.tests import predicting
from predictor.tests.ml.mixed_table import fitted, mixed_signature

from .test_portable import NODE, answered_by_page, needs_node, published, ran, scripted, unpacked

NUMBER, DATE, BOOLEAN = ValueKind.NUMBER, ValueKind.DATE, ValueKind.BOOLEAN

READ_FIELDS = (
    FeatureField("price", Role.NUMERIC, True, minimum=1.0, maximum=9e4, reading=Reading(NUMBER, ".", ",")),
    FeatureField("weight", Role.NUMERIC, True, reading=Reading(NUMBER, ",", ".")),
    FeatureField("spaced", Role.NUMERIC, True, reading=Reading(NUMBER, ",", " ", missing=("k.a.",))),
    FeatureField("plain", Role.NUMERIC, True, reading=Reading(NUMBER, ",")),
    FeatureField(
        "day", Role.DATETIME, True, minimum="2020-01-01", maximum="2025-01-01",
        reading=Reading(DATE, dates=("D.M.Y", "D/M/Y")),
    ),
    FeatureField("named", Role.DATETIME, True, reading=Reading(DATE, dates=("D Mon Y", "Mon D Y", "Mon Y"))),
    FeatureField("other", Role.DATETIME, True, reading=Reading(DATE, dates=("M/D/Y", "Y-M-D", "Y年M月D日", "Y-M"))),
    FeatureField(
        "zoned", Role.DATETIME, True, minimum="2024-01-01", maximum="2024-12-31",
        reading=Reading(DATE, dates=("Y-M-D", "D.M.Y"), zone="Europe/Berlin"),
    ),
    FeatureField(
        "periods", Role.DATETIME, True,
        reading=Reading(DATE, dates=("Y-Qn", "Qn Y", "Y年n季度", "Y-Wn", "Y-Wn-d", "YYYYMMDD",
                                   "days since 1899-12-30")),
    ),
    FeatureField(
        "halves", Role.DATETIME, True, reading=Reading(DATE, dates=("Y年M月D日", "M/D/Y", "yy/M/D"), zone="-03:30"),
    ),
    FeatureField(
        "paid", Role.BOOLEAN, True, reading=Reading(BOOLEAN, missing=("unbekannt",), true=("klar", "constructor"))
    ),
)  # fmt: skip
# Each with its value in the column, worked out by hand; REFUSED where it has none, None where it is missing.
REFUSED = "refused"
READ_TEXTS = {
    "price": {
        "$1,234.50": 1234.5, "(4)": -4.0, "€ 1,000": 1000.0, "12 %": 12.0, "1.5 USD": 1.5, "−3": -3.0, "-$2": -2.0,
        "$-2": -2.0, "-$-2": REFUSED, "(4": REFUSED, "1,23": REFUSED, "00501": 501.0, "$00501": REFUSED, "1E05": 1e5,
        "€1E05": REFUSED, "+4917212345": 4917212345.0, "$+4917212": REFUSED, "$9007199254740992": 2.0**53,
        "$9007199254740993": REFUSED, "9007199254740993": 2.0**53, "n/a": None, "#DIV/0!": None, " ": None, "": None,
        "\u00a05\u2009": 5.0, "\x1c5": 5.0, "\ufeff5": REFUSED, "$1.5e400": REFUSED, "５": REFUSED, "usd 5": REFUSED,
    },
    "weight": {
        "1.234": 1234.0, "1.234,5": 1234.5, "1,5": 1.5, "0.123": 0.123, "1.5": 1.5, "1,234,567": REFUSED,
        "12,5 kg": REFUSED,
    },
    "spaced": {"1 234,5": 1234.5, "1\u202f234\u00a0567": 1234567.0, "k.A.": None, "1.5": 1.5, "1 23": REFUSED},
    "plain": {"1,5": 1.5, "1,5e3": 1500.0, "1.234": 1.234, "1.234,5": REFUSED},
    "day": {
        "31.12.2024": "2024-12-31", "1. 2. 24": "2024-02-01", "01.02.68": "2068-02-01", "01.02.69": "1969-02-01",
        "5/6/2024 7:08": "2024-06-05T07:08", "31.12.2024 23:59:59,1234567+01:00": "2024-12-31T22:59:59.123456",
        "31.02.2024": REFUSED, "12/31/2024": REFUSED, "2024-05-31": "2024-05-31", "NaT": None, "NAT": None,
        "01.01.0001 00:00+00:01": REFUSED, "31.12.9999 23:59-00:01": REFUSED, "1.1.0000": REFUSED, "-": None,
        "٣١.١٢.٢٠٢٤": REFUSED, "1.1.2024 24:00": REFUSED, "1.1.2024 00:00\u00a0z": "2024-01-01",
        "2024-05-31T00:00\u00a0Z": REFUSED,
    },
    "named": {
        "1. März 2024": "2024-03-01", "31 DÉC. 99": "1999-12-31", "May 3rd, 2024": "2024-05-03",
        "okt-2024": "2024-10-01", "O\u212at-2024": "2024-10-01", "Mar 1ſt, 2024": "2024-03-01",
        "3 Foo 2024": REFUSED, "3 constructor 2024": REFUSED, "1. Ma\u0308rz 2024": REFUSED,
    },
    "other": {
        "12/31/2024": "2024-12-31", "2024-5-1": "2024-05-01", "2024年5月1日": "2024-05-01", "2024-02": "2024-02-01",
        "31/12/2024": REFUSED,
    },
    # Berlin: +01:00, from 31 March to 27 October 2024 01:00 UTC +02:00.
    "zoned": {
        "2024-03-31 01:59:59+01:00": "2024-03-31T01:59:59", "2024-03-31T01:00Z": "2024-03-31T03:00",
        "2024-10-27 02:30+02:00": "2024-10-27T02:30", "2024-10-27 02:30+01:00": "2024-10-27T02:30",
        "27.10.2024 00:00:00 UTC": "2024-10-27T02:00", "2024-07-01": "2024-07-01",
        "2024-07-01 12:00": "2024-07-01T12:00",
        "2024-07-01T12:00-0500": "2024-07-01T19:00", "2024-07-01T12:00+14:00": "2024-07-01T00:00",
        "2024-07-01T12:00+99:99": REFUSED, "01.07.2024 12:00+14:01": REFUSED, "Mo, 01.07.2024": "2024-07-01",
        "9999-12-31T23:30Z": REFUSED, "2024-07-01T12:00:00,5z": "2024-07-01T14:00:00.5",
    },
    "periods": {
        "2024Q1": "2024-01-01", "2024-q4": "2024-10-01", "Q3 2024": "2024-07-01", "2024年第二季度": "2024-04-01",
        "2024年1季": "2024-01-01", "2024-W01": "2024-01-01", "2020-W53-7": "2021-01-03", "2024-W53": REFUSED,
        "2021-W01": "2021-01-04", "2024-W00": REFUSED, "0001-W01": "0001-01-01", "9999-W52-7": REFUSED,
        "2026-W01-1": "2025-12-29", "20240229": "2024-02-29", "20230229": REFUSED, "18991231": REFUSED,
        "45321": "2024-01-30", "45321.75": "2024-01-30T18:00", "10000": "1927-05-18", "2024Q5": REFUSED,
        "9999": REFUSED,
    },
    "halves": {
        "2024年1月31日 下午3:05": "2024-01-31T15:05", "2024年1月31日星期三": "2024-01-31",
        "2024年1月31日15:30": "2024-01-31T15:30",
        "1/31/2024, 12:05:10\u202fAM": "2024-01-31T00:05:10", "1/31/2024 12:00 p.m.": "2024-01-31T12:00",
        "1/31/2024 13:00 PM": REFUSED, "1/31/2024 0:30 am": REFUSED, "24/01/31 上午 9:00": "2024-01-31T09:00",
        "1/31/2024 3:00 PM Z": "2024-01-31T11:30", "wed 1/31/2024": "2024-01-31",
        "1/31/2024 14:30 Uhr": "2024-01-31T14:30",
    },
    "paid": {
        "ja": 1.0, "NEIN": 0.0, " Klar ": 1.0, "是": 1.0, "unbekannt": None, "true": 1.0, "constructor": 1.0,
        "__proto__": REFUSED, "vielleicht": REFUSED, "2": REFUSED,
    },
}  # fmt: skip
PIECES = (
    *"0123456789.,'()+-−$€% /:TzeE年月日", "00", "12", "2024", "1999", "31", "234", "567", "000", "USD", "CHF",
    "\u00a0", "\u202f", "\u2028", "\ufeff", "\x1c", "März", "dec", "Sept.", "th", "ja", "nein", "n/a", "Z", "+02:00",
    "23:59", "x", "٣", "ſ", "Q1", "W05", "-W53-7", " PM", "am", "下午", "Mo, ", "星期三", "季度", "+14:00", "+99:99",
)  # fmt: skip


def cells() -> st.SearchStrategy[list[tuple[str, str]]]:
    """Names of columns with texts: parts of numbers and dates in random order, and good texts with a change."""
    free = st.lists(st.sampled_from(PIECES), max_size=7).map("".join)
    good = st.sampled_from([text for texts in READ_TEXTS.values() for text in texts])
    changed = st.builds(
        lambda text, piece, place: text[:place] + piece + text[place + 1 :],
        good,
        st.sampled_from(("", *PIECES)),
        st.integers(0, 12),
    )
    number = st.builds(
        lambda value, decimal, width: f"{value:,.{width}f}".translate(str.maketrans(",.", decimal)),
        st.floats(-1e7, 1e7),
        st.sampled_from([",.", ".,", " ,", "\u202f,"]),
        st.integers(0, 4),
    )
    date = st.builds(
        lambda value, form: value.strftime(form),
        st.datetimes(),
        st.sampled_from(
            [
                "%d.%m.%Y",
                "%d/%m/%y %H:%M",
                "%m/%d/%Y",
                "%d %b %Y",
                "%B %d, %Y",
                "%Y-%m-%dT%H:%M:%S.%fZ",
                "%G-W%V-%u",
                "%Y%m%d",
                "%a %m/%d/%Y %I:%M %p",
                "%Y-%m-%d %H:%M+02:00",
            ]
        ),
    )
    text = st.one_of(free, changed, number, date)
    return st.lists(st.tuples(st.sampled_from(sorted(READ_TEXTS)), text), min_size=20, max_size=60)


def plain_value(value: Any) -> Any:
    """A canonical value as JSON: a number, microseconds since 1970 as text, or None for missing."""
    if isinstance(value, datetime | str):
        return str(int(np.datetime64(value, "us").astype(np.int64)))
    return None if value is None or value != value else float(value)


def field_of(name: str) -> FeatureField:
    return next(each for each in READ_FIELDS if each.name == name)


def read_alone(name: str, text: str) -> Any:
    """By the reading, without the plain forms."""
    reading = field_of(name).reading
    assert reading is not None
    try:
        return plain_value(reading.read(text))
    except Unreadable:
        return REFUSED


def read_by_service(name: str, text: str) -> Any:
    """As JSON and as a cell of a file; both have to give the same."""
    field, found = field_of(name), []
    for cell in (text, csv_rows._reader(field, ".")(text)):
        try:
            value = reader_for(field)(cell, [])
            found.append(plain_value(value.isoformat() if isinstance(value, datetime) else value))
        except InvalidValue:
            found.append(REFUSED)
    assert found[0] == found[1], (name, text)
    return found[0]


def read_by_runner(asked: Sequence[tuple[str, str]]) -> list[Any]:
    """By the functions of predict.py, without its start, which needs a model."""
    source = (portable.FOLDER / "predict.py").read_text().partition("\ndigests = ")[0]
    fields = runner_spec(json.dumps(NO_STEPS).encode(), Signature("y", Task.REGRESSION, READ_FIELDS))
    runner: dict[str, Any] = {"spec": json.loads(json.dumps(fields))}
    exec(source, runner)
    known = {each["name"]: each for each in runner["spec"]["fields"]}
    found = []
    for name, text in asked:
        try:
            value = runner["value_of"](known[name], {name: text}, 1)
            is_moment = value is not None and known[name]["role"] == "datetime"
            found.append(str(value) if is_moment else plain_value(value))
        except SystemExit:
            found.append(REFUSED)
    return found


def read_by_page(asked: Sequence[tuple[str, str]], folder: Path) -> list[Any]:
    signature = browser_signature(Signature("y", Task.REGRESSION, READ_FIELDS).to_json())
    program = """
        const known = new Map(DATA.fields.map((field) => [field.name, field]));
        console.log(JSON.stringify(DATA.asked.map(([name, text]) => {
            try {
                const { value } = cellOf(known.get(name), text);
                return typeof value === "bigint" ? String(value) : value;
            } catch (error) {
                if (!(error instanceof InvalidValue)) throw error;
                return "refused";
            }
        })));"""
    values = scripted(folder, program, {"fields": signature["fields"], "asked": asked})
    # JavaScript writes 2e16 with all its digits.
    return [float(value) if type(value) is int else value for value in values]


NO_STEPS = {"threshold": None, "features": FeatureSpec(steps=()).to_json()}
ASKED = [(name, text) for name, texts in READ_TEXTS.items() for text in texts]
BY_HAND = [
    value if value == REFUSED else plain_value(value)
    for texts in READ_TEXTS.values()
    for value in texts.values()
]


def test_the_service_reads_texts_by_the_declared_reading() -> None:
    assert dict(zip(ASKED, [read_by_service(*each) for each in ASKED], strict=True)) == dict(
        zip(ASKED, BY_HAND, strict=True)
    )


def test_the_runner_reads_texts_by_the_declared_reading() -> None:
    assert dict(zip(ASKED, read_by_runner(ASKED), strict=True)) == dict(zip(ASKED, BY_HAND, strict=True))


@needs_node
def test_the_page_reads_texts_by_the_declared_reading(tmp_path: Path) -> None:
    assert dict(zip(ASKED, read_by_page(ASKED, tmp_path), strict=True)) == dict(
        zip(ASKED, BY_HAND, strict=True)
    )


@settings(max_examples=20, deadline=None, derandomize=True)
@given(asked=cells())
def test_any_text_is_read_equally_by_service_runner_and_page(asked: list[tuple[str, str]]) -> None:
    by_service = [read_by_service(*each) for each in asked]

    assert list(zip(asked, read_by_runner(asked), strict=True)) == list(zip(asked, by_service, strict=True))
    if NODE:
        with tempfile.TemporaryDirectory() as folder:
            by_page = read_by_page(asked, Path(folder))
        assert list(zip(asked, by_page, strict=True)) == list(zip(asked, by_service, strict=True))
    for (name, text), value in zip(asked, by_service, strict=True):
        assert read_alone(name, text) in (value, REFUSED)


@needs_node
def test_the_page_shows_numbers_of_the_signature_as_their_reading_takes_them(tmp_path: Path) -> None:
    signature = browser_signature(Signature("y", Task.REGRESSION, READ_FIELDS).to_json())
    values = [1.234, 1234.5, -1e-7, 1.5e21, 1e21, 12, 2**53]
    program = """console.log(JSON.stringify(DATA.fields.filter((field) => field.role === "numeric").map((field) =>
        DATA.values.map((value) => [shownIn(field, value), cellOf(field, shownIn(field, value)).value]))));"""

    shown = scripted(tmp_path, program, {"fields": signature["fields"], "values": values})

    assert [[value for _, value in each] for each in shown] == [values] * 4
    assert [each[1][0] for each in shown] == ["1234.5", "1234,5", "1234,5", "1234,5"]


def test_numbers_of_json_are_not_read_as_texts() -> None:
    assert read_by_runner([("weight", 1.234), ("weight", -5), ("paid", True)]) == [1.234, -5.0, 1.0]


def test_numbers_of_json_are_dates_where_the_reading_says_so() -> None:
    asked: list[tuple[str, Any]] = [
        ("periods", 45321),
        ("periods", 45321.75),
        ("periods", 20240229),
        ("periods", 45321.0),
    ]
    right = ["2024-01-30", "2024-01-30T18:00", "2024-02-29", "2024-01-30"]
    read = reader_for(field_of("periods"))

    assert read_by_runner(asked) == list(map(plain_value, right))
    assert [plain_value(read(value, [])) for _, value in asked] == list(map(plain_value, right))


def test_a_version_with_readings_predicts_alike_from_service_zip_and_page(
    workspace: Workspace, member: User, tmp_path: Path
) -> None:
    pipeline, columns = fitted("ridge", Task.REGRESSION)
    readings = {
        "age": Reading(NUMBER, ",", "."), "income": Reading(NUMBER, ".", ","), "member": Reading(BOOLEAN),
        "joined": Reading(DATE, dates=("D.M.Y", "D Mon Y"), zone="Europe/Berlin"),
    }  # fmt: skip
    plain = mixed_signature(Task.REGRESSION)
    fields = tuple(replace(each, reading=readings.get(each.name)) for each in plain.fields)
    signature = replace(plain, fields=fields)
    version = published(workspace, tmp_path / "made", pipeline, columns, signature)
    others = {"plan": "pro", "shop": "shop 1", "note": "word1"}
    rows = [
        {"age": "40,5", "income": "$20,000.50", "member": "ja", "joined": "29.02.2020", **others},
        {"age": "-", "income": "(1)", "member": "nein", "joined": "3. März 2021", **others},
        {"age": "1.000", "income": "n/a", "member": "?", "joined": "#N/A", **others},
        {"age": "2", "income": "3", "member": "ja", "joined": "01.03.2020 00:30 +03:00", **others},
        {"age": "2", "income": "3", "member": "ja", "joined": "2020-06-30T22:30:00Z", **others},
    ]
    typed = [
        {"age": 40.5, "income": 20000.5, "member": True, "joined": "2020-02-29", **others},
        {"age": None, "income": -1, "member": False, "joined": "2021-03-03", **others},
        {"age": 1000, "income": None, "member": None, "joined": None, **others},
        {"age": 2, "income": 3, "member": True, "joined": "2020-02-29T22:30", **others},
        {"age": 2, "income": 3, "member": True, "joined": "2020-07-01T00:30", **others},
    ]
    model = version.registered_model
    wanted = [each.prediction for each in predicting.predict(model, rows=typed, by=member).predictions]

    done = ran(unpacked(version, tmp_path), rows)

    assert done.returncode == 0, done.stderr
    by_zip = [json.loads(line)["prediction"] for line in done.stdout.splitlines()]
    by_service = [each.prediction for each in predicting.predict(model, rows=rows, by=member).predictions]
    assert by_service == wanted
    assert by_zip == pytest.approx(wanted, rel=1e-6)
    if NODE:
        pages = answered_by_page(version, [list(row.values()) for row in rows], tmp_path)
        assert [each["prediction"] for each in pages] == pytest.approx(wanted, rel=1e-6)
