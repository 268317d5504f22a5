"""The report on unusual rows: of scores that are given, so that order, threshold and reasons are known."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from predictor.ml.estimators.isolation_forest import IsolationScore
from predictor.ml.execution.progress import Deadline
from predictor.ml.explanation.shapley import Explanation
from predictor.ml.types.schema import Role, Task
from predictor.ml.unsupervised.anomaly_report import N_BINS, N_ROWS_SHOWN, ScoredRows, reasons, report
from predictor.ml.validation.target import Target
from predictor.ml.validation.training_table import TrainingTable

# Scores of 0.4 to 0.8 are evenly spread over the rows.
SCORE = IsolationScore.of(None, np.array([0.4, 0.8]), np.array([0.0, 1.0]))
FOREVER, NEVER = Deadline(math.inf), Deadline(-math.inf)


def table_of(values, role=Role.NUMERIC):
    values = np.asarray(values)
    return TrainingTable({"x": values}, {"x": role}, Target("", Task.ANOMALY, np.zeros(len(values))))


def scored_of(scores, *, numbers=None, contamination=0.1, stability=0.9):
    scores = np.asarray(scores, float)
    return ScoredRows(
        table_of(np.arange(float(len(scores)))), scores, numbers, SCORE, contamination, stability
    )


def explain(places):
    """One column with a contribution of the row's position."""
    return [Explanation(0.5, None, {"x": float(place)}) for place in places]


def test_scores_become_shares_by_the_calibration_curve():
    scored = scored_of([0.4, 0.6, 0.8, 0.9, 0.1], contamination=0.25)

    assert scored.shares == pytest.approx([0.0, 0.5, 1.0, 1.0, 0.0])
    # Three quarters of the rows score less than 0.7.
    assert scored.threshold == pytest.approx(0.7)


def test_the_most_unusual_rows_come_first_and_equal_ones_in_the_order_of_the_table():
    scored = scored_of([0.5, 0.7, 0.6, 0.7], numbers=np.array([4, 5, 6, 9]))

    rows = report(scored, explain, FOREVER)["rows"]

    # Rows are counted from 1.
    assert [each["row"] for each in rows] == [6, 10, 7, 5]
    assert [each["isolation"] for each in rows] == [0.7, 0.7, 0.6, 0.5]
    assert [each["score"] for each in rows] == pytest.approx([0.75, 0.75, 0.5, 0.25])


def test_rows_of_a_sample_have_no_number_and_only_the_first_are_shown():
    rows = report(scored_of(np.linspace(0.4, 0.6, 50)), explain, FOREVER)["rows"]

    assert len(rows) == N_ROWS_SHOWN
    assert {each["row"] for each in rows} == {None}
    assert rows[-1]["isolation"] == pytest.approx(0.6 - 0.2 * 19 / 49)


def test_without_time_rows_have_no_reasons():
    document = report(scored_of([0.5, 0.6]), lambda places: pytest.fail("It was explained."), NEVER)

    assert [each["reasons"] for each in document["rows"]] == [None, None]
    assert document["columns"] == []


def test_reasons_are_found_for_as_many_rows_as_time_allows():
    class Once:
        n_left = 1

        def allows(self, seconds):
            self.n_left -= 1
            return self.n_left >= 0

    document = report(scored_of([0.5, 0.6, 0.7]), explain, Once())

    assert [each["reasons"] is None for each in document["rows"]] == [False, True, True]
    assert document["columns"] == [{"column": "x", "mean": 2.0}]


def test_columns_are_ranked_by_their_mean_contribution():
    def two_columns(places):
        return [Explanation(0.5, None, {"x": 0.1 * place, "y": 1.0, "z": -1.0}) for place in places]

    scored = scored_of([0.5, 0.6, 0.7])
    table = TrainingTable(
        dict.fromkeys("xyz", np.arange(3.0)), dict.fromkeys("xyz", Role.NUMERIC), scored.table.target
    )
    scored = ScoredRows(table, scored.scores, None, SCORE, 0.1, None)

    columns = report(scored, two_columns, FOREVER)["columns"]

    assert columns == [
        {"column": "y", "mean": 1.0},
        {"column": "x", "mean": pytest.approx(0.1)},
        {"column": "z", "mean": -1.0},
    ]


@pytest.mark.parametrize(
    ("scores", "stability", "is_better", "is_sure", "sentence"),
    [
        (
            [0.5, 0.6, 0.71],
            0.9,
            True,
            True,
            "1 of the rows stands out clearly (isolation score of 0.7 or more). By definition 10 % of rows like these "
            "are called unusual. Other random trees name 90 % of the same rows.",
        ),
        (
            [0.7, 0.8] * 600,
            0.79,
            True,
            False,
            "1,200 of the 1,200 rows stand out clearly (isolation score of 0.7 or more). By definition 10 % of rows "
            "like these are called unusual. Other random trees name 79 % of the same rows. Rows near the threshold "
            "change sides by chance: look at the score, not at the label.",
        ),
        (
            [0.5, 0.69],
            None,
            False,
            False,
            "No row stands out clearly (all isolation scores are below 0.7): what is called unusual here is the rim "
            "of the table rather than something odd. By definition 10 % of rows like these are called unusual.",
        ),
        ([0.5, 0.8], None, True, False, None),
        ([0.5, 0.8], 0.8, True, True, None),
        ([0.5, 0.6], 1.0, False, False, None),
    ],
)
def test_the_verdict_says_whether_rows_stand_out_and_come_again(
    scores, stability, is_better, is_sure, sentence
):
    verdict = report(scored_of(scores, stability=stability), explain, NEVER)["verdict"]

    assert (verdict["is_better"], verdict["is_sure"]) == (is_better, is_sure)
    if sentence:
        assert verdict["sentence"] == sentence


def test_the_report_holds_all_of_its_parts_in_finite_numbers():
    document = report(scored_of(np.linspace(0.4, 0.75, 30), stability=None), explain, FOREVER)

    json.dumps(document, allow_nan=False)
    assert (document["task"], document["n_rows"]) == ("anomaly", 30)
    assert document["metrics"] == {"contamination": 0.1, "n_clear": 5, "stability": None}
    assert sum(document["histogram"]["counts"]) == 30
    assert len(document["histogram"]["counts"]) == N_BINS
    assert document["histogram"]["edges"][0] == pytest.approx(0.4)
    assert document["histogram"]["edges"][-1] == pytest.approx(0.75)
    assert document["threshold"] == pytest.approx(0.76)


def test_rows_with_one_score_have_a_histogram():
    document = report(scored_of([0.5] * 3), explain, FOREVER)

    assert sum(document["histogram"]["counts"]) == 3


def reason_of(values, place, role=Role.NUMERIC):
    (reason,) = reasons(table_of(values, role), place, {"x": 1.0})
    return reason


HUNDRED = np.arange(100.0)


@pytest.mark.parametrize(
    ("values", "place", "reason"),
    [
        (HUNDRED, 99, "x 99: higher than in every other row"),
        (HUNDRED, 0, "x 0: lower than in every other row"),
        (HUNDRED, 98, "x 98: higher than in 98 % of the rows"),
        (HUNDRED, 4, "x 4: lower than in 95 % of the rows"),
        (HUNDRED, 5, "x 5: unusual beside the other values"),
        (np.r_[HUNDRED[:-1], 98.0], 99, "x 98: higher than in 98 % of the rows"),
        (np.r_[HUNDRED[:90], [np.nan] * 10], 89, "x 89: higher than in every other row"),
        (np.r_[HUNDRED[:75], [np.nan] * 25], 99, "x missing, as in 25 % of the rows"),
        (np.r_[HUNDRED[:-1], 52_345.6], 99, "x 52,346: higher than in every other row"),
    ],
)
def test_a_number_is_compared_with_the_other_rows(values, place, reason):
    assert reason_of(values, place) == reason


def test_a_date_is_earlier_or_later_than_the_others():
    days = (np.datetime64("2024-01-01", "D") + np.arange(100)).astype("datetime64[us]")

    assert reason_of(days, 99, Role.DATETIME) == "x 2024-04-09: later than in every other row"
    assert reason_of(days, 1, Role.DATETIME) == "x 2024-01-02: earlier than in 98 % of the rows"
    days[3] = np.datetime64("NaT")
    assert reason_of(days, 3, Role.DATETIME) == "x missing, as in 1 % of the rows"


def test_a_rare_level_is_named_with_its_share():
    shops = np.array(["north"] * 95 + ["Größe " * 10] * 5, object)

    assert reason_of(shops, 99, Role.CATEGORICAL) == f"x “{('Größe ' * 10)[:40]}”: 5 % of the rows"
    assert reason_of(shops, 0, Role.CATEGORICAL) == "x “north”: unusual beside the other values"
    shops[0] = None
    assert reason_of(shops, 0, Role.CATEGORICAL) == "x missing, as in 1 % of the rows"


def test_a_boolean_is_written_as_in_json():
    flags = np.r_[np.ones(98), 0.0, np.nan]

    assert reason_of(flags, 98, Role.BOOLEAN) == "x “false”: 1 % of the rows"
    assert reason_of(flags, 0, Role.BOOLEAN) == "x “true”: unusual beside the other values"


def test_a_text_has_rare_words():
    assert reason_of(np.array(["a b", "c d"], object), 0, Role.TEXT) == "x: rare words"


def test_at_most_three_columns_are_named_and_none_of_little_or_negative_weight():
    names = "abcdefg"
    table = TrainingTable(
        dict.fromkeys(names, HUNDRED), dict.fromkeys(names, Role.NUMERIC), table_of(HUNDRED).target
    )

    def named(*contributions):
        found = reasons(table, 99, dict(zip(names, contributions, strict=False)))
        return [each.split()[0] for each in found]

    assert named(5.0, 4.0, 3.0, 2.0) == ["a", "b", "c"]
    # A fifth of the largest is enough, less is not.
    assert named(5.0, 1.0, 0.99) == ["a", "b"]
    assert named(1.0, -5.0) == ["a"]
    assert named(0.0, -1.0) == []
