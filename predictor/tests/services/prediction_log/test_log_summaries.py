from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictor.models import ModelVersion, PredictionLog
from predictor.services.prediction_log.log_summaries import (
    MAX_CHARACTERS,
    members_at_start,
    summarized,
    summary_of,
)
from predictor.tests.web.prediction_pages import log_row

N_COLUMNS = 1_000


def row_of(version: ModelVersion, **more: Any) -> Any:
    log_row(version, **more)
    return summarized(PredictionLog.objects.all()).get()


def test_a_short_row_is_summarized_whole(version: ModelVersion) -> None:
    row = row_of(
        version, inputs={"a": 1, "ö": None, "c": "x"}, output={"prediction": "007", "probabilities": {"007": 0.75}},
        warnings=[{"code": "extra"}, {"code": "unseen"}],
    )  # fmt: skip

    summary = summary_of(row, 6)

    assert dict(summary.inputs) == {"a": 1, "ö": None, "c": "x"}
    assert (summary.n_inputs, summary.n_warnings) == (3, 2)
    assert summary.output == {"prediction": "007", "probabilities": {"007": 0.75}}


def test_of_a_wide_row_a_bounded_part_is_read(version: ModelVersion) -> None:
    names = [f"column {number:04}" for number in range(N_COLUMNS)]
    row = row_of(
        version,
        inputs=dict.fromkeys(names, "value " * 20),
        output={
            "prediction": "yes", "probabilities": {"yes": 0.5, "no": 0.5},
            "explanation": {"contributions": [{"column": name, "value": 1.5} for name in names]},
        },
        warnings=[{"column": name, "message": "Not seen in training."} for name in names],
    )  # fmt: skip

    summary = summary_of(row, 6)
    texts = [value for value in vars(row).values() if isinstance(value, str)]

    assert [name for name, _ in summary.inputs] == names[:6]
    assert (summary.n_inputs, summary.n_warnings) == (N_COLUMNS, N_COLUMNS)
    assert (summary.output["prediction"], summary.output["probabilities"]["yes"]) == ("yes", 0.5)
    assert sum(map(len, texts)) <= 3 * MAX_CHARACTERS + 1_000
    assert row.get_deferred_fields() >= {"inputs", "output", "warnings"}


@pytest.mark.parametrize("inputs", [{}, [1, 2], "text", 5])
def test_inputs_of_any_form_are_summarized(version: ModelVersion, inputs: Any) -> None:
    summary = summary_of(row_of(version, inputs=inputs, output={"prediction": 1.5}), 6)

    assert summary.inputs == ()
    assert summary.output == {"prediction": 1.5}


@given(
    members=st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(max_size=9), st.none())),
    end=st.integers(0, 200),
    is_ascii=st.booleans(),
)
def test_members_before_a_cut_are_those_of_the_whole(
    members: dict[str, Any], end: int, is_ascii: bool
) -> None:
    text = json.dumps(members, ensure_ascii=is_ascii)

    found = members_at_start(text[:end], None)

    whole = list(members.items())[: len(found)]
    assert found[:-1] == whole[:-1]
    if found:
        (name, value), (right_name, right) = found[-1], whole[-1]
        cut = isinstance(value, str) and value.endswith("…") and str(right).startswith(value[:-1])
        assert name == right_name
        assert value == right or cut
    if end >= len(text):
        assert found == list(members.items())


def test_a_cut_text_is_shown_to_its_last_character() -> None:
    assert members_at_start('{"a": "b\\u00', None) == [("a", "b…")]
    assert members_at_start('{"a": 12', None) == []
    assert members_at_start('{"a": [1, 2', None) == []
    assert members_at_start('["a", 1]', None) == []
