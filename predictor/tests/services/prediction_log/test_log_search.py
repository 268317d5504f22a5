from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from predictor.models import ModelVersion, PredictionLog, RegisteredModel, User, Workspace
from predictor.models.prediction_log import first_id_at
from predictor.services import prediction_log
from predictor.services.prediction_log.prediction_log import LogSearch
from predictor.tests.services.versions import publish
from predictor.tests.web.prediction_pages import log_row


# --- Searching -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("100%", True),
        ("100_", False),
        ("1%0", False),
        ('say "hi"', True),
        ("c:\\temp", True),
        ("BERLIN", True),
        ("łódź", True),
        ("👩‍💻", True),
        ("0.25", True),
        ("nowhere", False),
    ],
)
def test_a_text_is_searched_literally_in_inputs_and_output(
    version: ModelVersion, workspace: Workspace, text: str, is_found: bool
) -> None:
    inputs = {"share": "100%", "quote": 'say "hi"', "path": "c:\\temp", "city": "Berlin łódź", "who": "👩‍💻"}
    log_row(version, inputs=inputs, output={"prediction": 0.25})
    log_row(version, inputs={}, output={})

    assert prediction_log.search(workspace, LogSearch(text=text)).count() == is_found


def test_times_include_their_start_and_exclude_their_end(version: ModelVersion, workspace: Workspace) -> None:
    noon = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
    first, second = (log_row(version, id=first_id_at(noon + timedelta(milliseconds=ms))) for ms in (0, 1))

    def found(**times: Any) -> list[PredictionLog]:
        return list(prediction_log.search(workspace, LogSearch(**times)))

    later = noon + timedelta(milliseconds=1)
    assert found(since=noon) == [second, first]
    assert found(since=later) == [second]
    assert found(until=later) == [first]
    assert found(until=noon) == []
    assert found(since=noon, until=later) == [first]


def test_filters_are_combined_and_rows_are_newest_first(
    version: ModelVersion, workspace: Workspace, viewer: User
) -> None:
    rows = [
        log_row(version, source=source, actor=actor, request_id=request)
        for source, actor, request in [
            ("form", viewer, "r-1"), ("api", viewer, "r-1"), ("form", None, "r-1"), ("form", viewer, "r-2"),
            ("form", viewer, "r-1"),
        ]
    ]  # fmt: skip

    wanted = LogSearch(source="form", actor="VIEWER@", request_id="r-1", model="m", version=1)

    assert list(prediction_log.search(workspace, wanted)) == [rows[4], rows[0]]


def test_a_model_of_the_same_name_in_another_workspace_is_not_searched(
    version: ModelVersion, workspace: Workspace, other_workspace: Workspace
) -> None:
    theirs = log_row(publish(RegisteredModel.objects.create(workspace=other_workspace, slug="m", name="M")))
    mine = log_row(version)

    assert list(prediction_log.search(workspace, LogSearch(model="m"))) == [mine]
    assert list(prediction_log.search(other_workspace, LogSearch(model="m"))) == [theirs]
