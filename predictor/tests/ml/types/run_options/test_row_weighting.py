from __future__ import annotations

from predictor.ml.types.run_options.row_weighting import weighting_sentences


def test_the_report_says_by_what_its_rows_count() -> None:
    facts = {
        "column": "w", "n_rows": 1000, "n_effective": 640.4, "n_held_out": 200, "n_held_out_effective": 130.0
    }  # fmt: skip
    assert weighting_sentences({"weighting": facts}) == [
        "Weighted by “w”: fits, scores and intervals count each row by it. 1,000 rows count as much as 640 equal "
        "ones, and 200 held-out rows count as much as 130 equal ones."
    ]
    assert weighting_sentences({}) == []
