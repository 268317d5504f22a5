"""The portable form of a version's files: the same features by tables, constants and Python's own calendar.

That predict.py and the offline page predict the same from it is tested with the services (test_portable.py there).
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.calibration.conformal import DEFAULT_COVERAGE, ConformalIntervals
from predictor.ml.features.date_steps import DatetimeStep
from predictor.ml.features.encoding import (
    BENT,
    ISOLATION,
    LINEAR,
    NATIVE_BOOSTING,
    ONE_HOT_TREES,
    ORDERED_BOOSTING,
    TARGET_BOOSTING,
)
from predictor.ml.features.feature_spec import FeatureSpec
from predictor.ml.features.tabular_steps import CodeStep, NumberStep, OneHotStep, TargetStep
from predictor.ml.features.text_steps import TextStep
from predictor.ml.persistence.portable import (
    STRAIGHT,
    browser_golden,
    browser_spec,
    browser_uncertainty,
    case_folding,
    runner_golden,
    runner_spec,
    waves_of,
)
from predictor.ml.persistence.version_files import columns_to_json
from predictor.ml.types.schema import FeatureField, Role, Signature, Task

from ..mixed_table import ROLES, mixed_columns, mixed_target

SIGNATURE = Signature(
    "y", Task.BINARY, (FeatureField("age", Role.NUMERIC), FeatureField("plan", Role.CATEGORICAL, has_missing=True)),
    ("no", "yes"),
)  # fmt: skip


def spec_bytes(*steps, threshold=None):
    return json.dumps({"threshold": threshold, "features": FeatureSpec(steps).to_json()}).encode()


def portable_step(step):
    return runner_spec(spec_bytes(step), SIGNATURE)["steps"][0]


@pytest.mark.parametrize(
    "encoding",
    [LINEAR, BENT, ISOLATION, ONE_HOT_TREES, NATIVE_BOOSTING, ORDERED_BOOSTING, TARGET_BOOSTING],
    ids=lambda each: f"{each.numbers}-{each.categories}-{each.bend}",
)
def test_every_encoding_has_a_portable_form_of_finite_numbers(encoding):
    columns = mixed_columns(200)
    y = mixed_target(columns, Task.BINARY)
    spec = FeatureSpec.fit(columns, ROLES, encoding, y=y, task=Task.BINARY, n_classes=2)

    portable = runner_spec(spec_bytes(*spec.steps), SIGNATURE)

    json.dumps(portable, allow_nan=False)
    assert [each["source"] for each in portable["steps"]] == [each.source for each in spec.steps]
    assert {each["kind"] for each in portable["steps"]} <= {"number", "datetime", "text", "table"}
    for step, own in zip(spec.steps, portable["steps"], strict=True):
        assert len(own["missing"]) == len(step.outputs)


@pytest.mark.parametrize("bend", [None, 3.0])
def test_a_number_is_scaled_clipped_and_bent_by_one_formula(bend):
    step = NumberStep("x", fill=7.0, has_flag=True, mean=5.0, scale=2.0, limit=1e9, bend=bend)

    own = portable_step(step)

    for x in (-1e300, -4.0, 5.0, 6.5, 1e12):
        z = min(max((x - own["mean"]) / own["scale"], -own["limit"]), own["limit"])
        bent = z / math.sqrt(1 + (z / own["bend"]) ** 2)
        assert [bent, *own["flag"]] == step.transform(np.array([x]))[0].tolist()
    assert own["bend"] == (STRAIGHT if bend is None else 3.0)
    # The fill is one deviation above the mean, and the flag is set.
    assert own["missing"] == step.transform(np.array([np.nan]))[0].tolist()
    assert own["missing"][1] == 1.0


def test_a_number_that_stays_missing_has_null():
    assert portable_step(NumberStep("x"))["missing"] == [None]


@pytest.mark.parametrize(
    ("step", "table", "other", "missing"),
    [
        (
            OneHotStep("x", ("a", "b"), has_other=True, has_missing=True),
            {"a": [1, 0, 0, 0], "b": [0, 1, 0, 0]}, [0, 0, 1, 0], [0, 0, 0, 1],
        ),
        (OneHotStep("x", ("a", "b")), {"a": [1, 0], "b": [0, 1]}, [0, 0], [0, 0]),
        (CodeStep("x", ("a", "b"), other=2.0), {"a": [0], "b": [1]}, [2], [None]),
        (CodeStep("x", ("a", "b"), missing=5.0), {"a": [0], "b": [1]}, [None], [5]),
        (
            TargetStep("x", ("a", "é"), ((3.0,), (5.0,)), (4.0,), (1.0,), mean=3.0, scale=2.0),
            {"a": [0], "é": [1]}, [0.5], [-1],
        ),
    ],
    ids=["one-hot", "one-hot without other", "codes", "codes with missing", "target means"],
)  # fmt: skip
def test_a_category_is_a_table_of_its_levels(step, table, other, missing):
    own = portable_step(step)

    assert (own["kind"], own["table"], own["other"], own["missing"]) == ("table", table, other, missing)


def from_struct_time(own, moment):
    """The features of a date by Python's calendar, as predict.py computes them."""
    parts = moment.timetuple()
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = (moment - epoch) // timedelta(microseconds=1)
    numbers = [(microseconds - own["origin"]) / 86_400_000_000]
    numbers += [getattr(parts, name) for name in own["parts"]]
    numbers += [table[getattr(parts, name)] for name, table in own["waves"]]
    scaled = [(x - mean) / scale for x, mean, scale in zip(numbers, own["means"], own["scales"], strict=True)]
    return [*scaled, *own["flag"]]


PARTS = ("year", "month", "day", "weekday", "hour", "minute")
DATES = DatetimeStep(
    "x",
    origin=1_577_836_800_000_000,
    parts=PARTS,
    cyclic=("month", "weekday", "hour", "minute"),
    fill=0,
    has_flag=True,
)


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))
@settings(max_examples=50, deadline=None)
def test_a_date_is_described_as_by_pythons_calendar(moment):
    own = portable_step(DATES)

    stored = DATES.transform(np.array([moment.replace(tzinfo=None)], "datetime64[us]"))[0]

    assert from_struct_time(own, moment) == pytest.approx(stored.tolist(), rel=1e-15)


def test_a_scaled_date_is_scaled_alike():
    step = DatetimeStep("x", parts=("year",), means=(10.0, 2000.0), scales=(2.0, 5.0))
    moment = datetime(1970, 1, 21, tzinfo=UTC)

    own = portable_step(step)

    assert from_struct_time(own, moment) == [5.0, -6.0]
    assert (own["flag"], own["missing"]) == ([], [None, None])


def test_a_missing_date_is_filled_and_flagged():
    missing = portable_step(DATES)["missing"]

    filled = DATES.transform(np.array(["1970-01-01"], "datetime64[us]"))[0].tolist()
    assert missing == [*filled[:-1], 1.0]


def test_a_text_has_its_words_with_their_weights():
    own = portable_step(TextStep("x", ("größe", "wort"), (1.5, 2.5)))

    assert own["words"] == {"größe": 1.5, "wort": 2.5}
    assert own["missing"] == [0.0, 0.0]


def test_the_runner_knows_how_a_version_reads_its_cells():
    portable = runner_spec(spec_bytes(NumberStep("age"), threshold=0.3), SIGNATURE)

    assert portable["threshold"] == 0.3
    assert (portable["task"], portable["classes"]) == ("binary", ["no", "yes"])
    assert portable["fields"] == [
        {"name": "age", "role": "numeric", "is_required": True},
        {
            "name": "plan", "role": "categorical", "is_required": False,
            "levels": [], "is_typed": False, "has_codes": False,
        },
    ]  # fmt: skip
    assert "#div/0!" in portable["missing"]
    assert (portable["words"]["yes"], portable["words"]["f"]) == (1, 0)
    for role, text, is_valid in (
        ("numeric", "-1.5e3", True),
        ("numeric", "1,5", False),
        ("numeric", "", False),
        ("datetime", "2024-05-31T12:30:00Z", True),
        ("datetime", "31.05.2024", False),
        ("boolean", "true", True),
        ("boolean", "perhaps", False),
    ):
        assert bool(re.fullmatch(portable["patterns"][role], text)) is is_valid, (role, text)
    assert re.findall(portable["token"], "Größe_12, 東京") == ["Größe", "12", "東", "京"]


def test_an_anomaly_has_the_two_labels():
    anomaly = Signature("", Task.ANOMALY, SIGNATURE.fields)

    assert runner_spec(spec_bytes(NumberStep("age")), anomaly)["classes"] == ["usual", "unusual"]


GOLDEN_COLUMNS = {
    "age": np.array([1.5, np.nan]),
    "plan": np.array(["a", None], object),
    "day": np.array(["2024-05-31", "NaT"], "datetime64[us]"),
}
GOLDEN = json.dumps({"rows": columns_to_json(GOLDEN_COLUMNS), "answers": [[0.25, 0.75], [1.0, 0.0]]}).encode()
MICROSECONDS = 1_717_113_600_000_000


def test_golden_rows_of_the_runner_are_one_object_each():
    assert runner_golden(GOLDEN) == {
        "rows": [
            {"age": 1.5, "plan": "a", "day": MICROSECONDS},
            {"age": None, "plan": None, "day": None},
        ],
        "answers": [[0.25, 0.75], [1.0, 0.0]],
    }


def test_dates_of_the_page_are_texts_since_javascript_would_round_them():
    far = 2**60 + 1
    spec = spec_bytes(DatetimeStep("x", origin=far, cyclic=("month",), fill=-far), DatetimeStep("y"))

    first, second = browser_spec(spec)["features"]["steps"]
    golden = browser_golden(GOLDEN)

    assert (first["origin"], first["fill"]) == (str(far), str(-far))
    assert (second["origin"], second["fill"]) == ("0", None)
    assert [each["part"] for each in first["waves"]] == ["month", "month"]
    assert second["waves"] == []
    assert golden["rows"]["day"]["cells"] == [str(MICROSECONDS), None]
    assert golden["rows"]["age"]["cells"] == [1.5, None]


def test_the_page_gets_everything_else_as_it_is_stored():
    spec = spec_bytes(NumberStep("x"), TextStep("note", ("a",), (1.0,)), threshold=0.3)

    data = browser_spec(spec)

    number, text = data["features"]["steps"]
    assert text.pop("folding") is case_folding()
    assert data == json.loads(spec)
    assert "folding" not in number


def test_waves_are_sines_and_cosines_of_the_parts():
    (month, sine), (_, cosine), (weekday, other), _ = waves_of(("month", "weekday"))

    assert (month, weekday) == ("month", "weekday")
    # The position is the value of the part: months from 1 to 12, weekdays from 0 to 6.
    assert sine == pytest.approx([math.sin(2 * math.pi * number / 12) for number in range(13)])
    assert cosine == pytest.approx([math.cos(2 * math.pi * number / 12) for number in range(13)])
    assert len(other) == 8
    assert waves_of(()) == []


@given(st.text())
@settings(max_examples=50, deadline=None)
def test_lower_case_and_the_exceptions_fold_every_text(text):
    folding = case_folding()

    assert "".join(folding.get(letter, letter.lower()) for letter in text) == text.casefold()


def test_the_exceptions_are_few_and_can_be_written_as_utf_8():
    folding = case_folding()

    assert folding["ß"] == "ss"
    assert "A" not in folding
    assert len(folding) < 500
    json.dumps(folding, ensure_ascii=False).encode()


def test_the_page_gets_the_intervals_of_the_default_coverage():
    y = np.arange(400.0)
    conformal = ConformalIntervals.fit(Task.REGRESSION, y, y + np.where(np.arange(400) % 2, 1.0, -2.0))
    stored = json.dumps(conformal.to_json()).encode()

    portable = browser_uncertainty(stored)

    low, high = conformal.intervals(np.array([10.0, 390.0]), DEFAULT_COVERAGE)
    groups = np.searchsorted(portable["edges"], [10.0, 390.0])
    assert np.array([10.0, 390.0]) + np.array(portable["below"])[groups] == pytest.approx(low)
    assert np.array([10.0, 390.0]) + np.array(portable["above"])[groups] == pytest.approx(high)
    assert (portable["coverage"], portable["floor"]) == (DEFAULT_COVERAGE, 0.0)
    assert len(portable["edges"]) == 1


def test_the_page_gets_the_least_probability_of_a_prediction_set():
    positive = np.linspace(0.01, 0.99, 99)
    pairs = np.column_stack([1 - positive, positive])
    conformal = ConformalIntervals.fit(Task.BINARY, np.ones(99, int), pairs)

    portable = browser_uncertainty(json.dumps(conformal.to_json()).encode())

    # Of 99 rows, the true class of 90 has a probability of at least 0.10.
    assert portable == {"coverage": 0.9, "least": pytest.approx(0.10, abs=1e-6)}


def test_a_version_without_uncertainty_has_none_on_the_page():
    assert browser_uncertainty(None) is None
