"""What a report says it left out; what the notes of older reports tell; the report with what came later."""

from __future__ import annotations

import pytest

from predictor.ml.types.left_out import CURVE_NO_TIME, LeftOut, Part, completed, left_out_of, told_by


def parts(report):
    return [(each.part, each.names) for each in told_by(report)]


SUPERVISED = {
    "task": "regression",
    "importance_kind": "permutation",
    "importance": [{"column": "a", "mean": 1}],
}


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ({}, []),
        (SUPERVISED, []),
        ({**SUPERVISED, "importance_kind": "shapley"}, [(Part.IMPORTANCE, ())]),
        ({"task": "binary", "importance": []}, [(Part.IMPORTANCE, ())]),
        ({"task": "binary"}, []),
        ({**SUPERVISED, "learning_curve": {"sentence": CURVE_NO_TIME}}, [(Part.LEARNING_CURVE, ())]),
        ({**SUPERVISED, "learning_curve": {"sentence": "More rows would hardly help."}}, []),
        (
            {**SUPERVISED, "dependence": {"features": [], "skipped": [
                {"column": "a", "reason": "the time ran out"}, {"column": "b", "reason": "free text has no values"}]}},
            [(Part.DEPENDENCE, ("a",))],
        ),
        # A report from before the reasons were told apart: one curve is drawn, so the limit of 30 is not the reason.
        (
            {**SUPERVISED, "dependence": {"features": [{}], "skipped": [
                {"column": "a", "reason": "30 more important ones are shown"}]}},
            [(Part.DEPENDENCE, ("a",))],
        ),
        (
            {**SUPERVISED, "dependence": {"features": [{}] * 30, "skipped": [
                {"column": "a", "reason": "30 more important ones are shown"}]}},
            [],
        ),
        (
            {**SUPERVISED, "baseline_notes": [
                "The baseline Boosting, default settings was left out: it did not end within 0.1 s.", "Other."]},
            [(Part.BASELINES, ("Boosting, default settings",))],
        ),
        ({"task": "clustering", "metrics": {"stability": None}, "chance": None},
         [(Part.STABILITY, ()), (Part.CHANCE, ())]),
        ({"task": "clustering", "metrics": {"stability": 0.9}, "chance": {"observed": 1}}, []),
        ({"task": "clustering", "importance_kind": "shapley"}, []),
        ({"task": "anomaly", "metrics": {"stability": None}, "rows": [{"reasons": []}, {"reasons": None}]},
         [(Part.STABILITY, ()), (Part.REASONS, ())]),
        ({"task": "anomaly", "metrics": {}, "rows": [{"reasons": ["a"]}]}, []),
        ({"task": "forecasting", "importance": []}, []),
    ],
)  # fmt: skip
def test_the_notes_of_a_report_tell_what_it_lacks_and_nothing_else(report, expected):
    assert parts(report) == expected


def test_what_a_report_says_itself_counts_and_unknown_parts_are_skipped():
    stored = [LeftOut(Part.BASELINES, "no time", ("Ridge",)).to_json(), {"part": "of later versions"}, "?"]
    report = {"left_out": stored, "importance_kind": "shapley"}
    assert left_out_of(report) == [LeftOut(Part.BASELINES, "no time", ("Ridge",))]
    assert left_out_of({"left_out": []}) == []


def test_the_completed_report_names_what_came_later():
    report = {
        "held_out": {"rmse": 1.0},
        "verdict": "old",
        "left_out": [{"part": "baselines"}, {"part": "importance"}],
    }
    supplement = {"verdict": "new", "baselines": [1], "importance": [2]}
    when = {"baselines": "monday", "importance": "monday"}

    whole = completed(report, supplement, when)
    other = completed(report, supplement, when, at_own_threshold=False)

    assert whole == {**report, **supplement, "left_out": [], "computed_later": when}
    assert other == {
        **report, "importance": [2], "left_out": [{"part": "baselines"}], "computed_later": {"importance": "monday"},
    }  # fmt: skip
    assert report["verdict"] == "old"


def test_every_part_has_a_label():
    assert all(part.label for part in Part)
