"""A variant of a category is answered as its canonical spelling by every interface, the zip and the offline page."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.features.feature_spec import FeatureSpec
from predictor.ml.inputs import csv_rows
from predictor.ml.inputs.value_readers import reader_for
from predictor.ml.persistence.portable import browser_signature, runner_spec
from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.models import User, Workspace
from predictor.services.registry import portable
from predictor.tests import predicting
from predictor.tests.ml.mixed_table import fitted, mixed_signature

from .test_portable import NODE, answered_by_page, needs_node, published, ran, scripted, unpacked

E_IN_NFC, E_IN_NFD = "caf\u00e9", "cafe\u0301"
FOLDED = Reading(
    ValueKind.TEXT, missing=("na", "k. a."), ignores=("case", "numbers"),
    spellings=("Yes", "no", "3", "4.0", "New York", E_IN_NFD, "constructor"),
)  # fmt: skip
EXACT = Reading(ValueKind.TEXT, spellings=("yes ", E_IN_NFD))
SIZES = Reading(ValueKind.NUMBER, ",")
FIELDS = (
    FeatureField("folded", Role.CATEGORICAL, True, levels=FOLDED.spellings, reading=FOLDED),
    FeatureField("exact", Role.CATEGORICAL, True, levels=(*EXACT.spellings, "Yes", "3"), reading=EXACT),
    FeatureField("sizes", Role.CATEGORICAL, True, levels=("1", "2.5", "1e-07", "15"), reading=SIZES),
    FeatureField("flags", Role.CATEGORICAL, True, levels=("true", "false")),
    FeatureField("codes", Role.CATEGORICAL, True, levels=("9E05", "100000", "x"), reading=Reading(ValueKind.TEXT)),
)  # fmt: skip
# Each with its category, worked out by hand.
TEXTS = {
    "folded": {
        "YES": "Yes", " yes\u00a0": "Yes", "NO": "no", "3.0": "3", "3": "3", "4": "4.0", "4.00": "4.0", "3.1": "3.1",
        "new\t york": "New York", E_IN_NFC.upper(): E_IN_NFD, "NA": None, "K.  A.": None, "n/a": "n/a", "": None,
        " ": None, "Other ": "Other", "__proto__": "__proto__", "CONSTRUCTOR": "constructor", "\ufeffyes": "\ufeffyes",
        "toString": "toString", "٣.0": "٣.0",
    },
    "exact": {
        "yes": "yes ", " yes": "yes ", "YES": "YES", "Yes": "Yes", E_IN_NFC: E_IN_NFD, "3": "3", "NA": "NA",
        "a  b": "a b", "\x1ca\x85": "a", "3.0": "3", "+3": "3", "3e0": "3",
    },
    # By the numbers and truth values that they are, as the import writes them.
    "sizes": {"1.0": "1", "2,5": "2.5", "2,50 €": "2.5", "1E-7": "1e-07", "15": "15", "n/a": None, "2,6": "2,6"},
    "flags": {"TRUE": "true", " False ": "false", "null": None, "yes": "yes"},
    # Where training had codes, another code is no number.
    "codes": {"1E05": "1E05", "9e05": "9e05", "100000.0": "100000", "NA": "NA", " X": "X"},
}  # fmt: skip
ASKED = [(name, text) for name, texts in TEXTS.items() for text in texts]
BY_HAND = {(name, text): value for name, texts in TEXTS.items() for text, value in texts.items()}
NO_STEPS = {"threshold": None, "features": FeatureSpec(steps=()).to_json()}


def by_service(name: str, text: str) -> Any:
    """As JSON and as a cell of a file; both have to give the same."""
    field = next(each for each in FIELDS if each.name == name)
    from_json = reader_for(field)(text, [])
    from_file = reader_for(field)(csv_rows._reader(field, ".")(text), [])
    # A file may write 3.0 where training had 3.
    assert from_json == from_file or (name, from_file) == ("exact", "3")
    return from_json


def by_runner(asked: Sequence[tuple[str, str]]) -> list[Any]:
    """By the functions of predict.py, without its start, which needs a model."""
    source = (portable.FOLDER / "predict.py").read_text().partition("\ndigests = ")[0]
    spec = runner_spec(json.dumps(NO_STEPS).encode(), Signature("y", Task.REGRESSION, FIELDS))
    runner: dict[str, Any] = {"spec": json.loads(json.dumps(spec))}
    exec(source, runner)
    known = {each["name"]: each for each in runner["spec"]["fields"]}
    return [runner["value_of"](known[name], {name: text}, 1) for name, text in asked]


def by_page(asked: Sequence[tuple[str, str]], folder: Path) -> list[Any]:
    signature = browser_signature(Signature("y", Task.REGRESSION, FIELDS).to_json())
    program = """
        const known = new Map(DATA.fields.map((field) => [field.name, field]));
        console.log(JSON.stringify(DATA.asked.map(([name, text]) => cellOf(known.get(name), text).value)));"""
    found: list[Any] = scripted(folder, program, {"fields": signature["fields"], "asked": asked})
    return found


def test_the_service_reads_variants_as_their_category() -> None:
    assert {each: by_service(*each) for each in ASKED} == BY_HAND


def test_the_runner_reads_variants_as_their_category() -> None:
    assert dict(zip(ASKED, by_runner(ASKED), strict=True)) == BY_HAND


@needs_node
def test_the_page_reads_variants_as_their_category(tmp_path: Path) -> None:
    assert dict(zip(ASKED, by_page(ASKED, tmp_path), strict=True)) == BY_HAND


def test_only_unseen_categories_are_told() -> None:
    notes: list[Any] = []
    for text in ("YES", "na", "maybe"):
        reader_for(FIELDS[0])(text, notes)

    assert [(code, message) for code, _, message in notes] == [
        ("missing", "There is no value; it is treated as missing values were in training."),
        ("unseen", "“maybe” does not occur in training."),
    ]


PIECES = [
    "y",
    "Y",
    "es",
    "ES",
    " ",
    "\t",
    "\u00a0",
    "é",
    "e\u0301",
    "É",
    "3",
    ".0",
    "0",
    ".",
    "NA",
    "k.",
    "A",
    "ß",
    "İ",
]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    asked=st.lists(
        st.tuples(st.sampled_from(["folded", "exact"]), st.lists(st.sampled_from(PIECES), max_size=5).map("".join)),
        min_size=20,
        max_size=60,
    )
)  # fmt: skip
def test_any_text_is_the_same_category_by_service_runner_and_page(asked: list[tuple[str, str]]) -> None:
    wanted = [by_service(*each) for each in asked]

    assert list(zip(asked, by_runner(asked), strict=True)) == list(zip(asked, wanted, strict=True))
    if NODE:
        with tempfile.TemporaryDirectory() as folder:
            assert by_page(asked, Path(folder)) == wanted


def test_variants_get_the_answer_of_their_category_from_service_file_zip_and_page(
    workspace: Workspace, member: User, tmp_path: Path
) -> None:
    pipeline, columns = fitted("ridge", Task.REGRESSION)
    reading = Reading(ValueKind.TEXT, missing=("na",), ignores=("case",), spellings=("basic", "plus", "pro"))
    plain = mixed_signature(Task.REGRESSION)
    fields = tuple(replace(each, reading=reading if each.name == "plan" else None) for each in plain.fields)
    version = published(
        workspace, tmp_path / "made", pipeline, columns, replace(plain, fields=fields)
    )  # fmt: skip
    others = {
        "age": "40",
        "income": "20000",
        "member": "true",
        "joined": "2020-02-29",
        "shop": "shop 1",
        "note": "word1",
    }
    rows = [{**others, "plan": text} for text in ("PRO", " pro ", "Plus", "NA")]
    named = [{**others, "plan": text} for text in ("pro", "pro", "plus", "")]
    model = version.registered_model
    wanted = [each.prediction for each in predicting.predict(model, rows=named, by=member).predictions]
    assert len(set(wanted)) == 3

    by_json = [each.prediction for each in predicting.predict(model, rows=rows, by=member).predictions]
    file = io.StringIO()
    csv.writer(file).writerows([rows[0].keys(), *(row.values() for row in rows)])
    answered = predicting.predict_csv(model, io.BytesIO(file.getvalue().encode()), by=member)
    by_file = [
        float(row["prediction"]) for row in csv.DictReader(answered.path.read_text("utf-8").splitlines())
    ]
    done = ran(unpacked(version, tmp_path), rows)
    assert done.returncode == 0, done.stderr
    by_zip = [json.loads(line)["prediction"] for line in done.stdout.splitlines()]

    assert by_json == by_file == wanted
    assert [f"{each:.5g}" for each in by_zip] == [f"{each:.5g}" for each in wanted]
    if NODE:
        names = [each.name for each in version.signature.fields]
        pages = answered_by_page(version, [[row[name] for name in names] for row in rows], tmp_path)
        assert [f"{each['prediction']:.5g}" for each in pages] == [f"{each:.5g}" for each in wanted]
