from __future__ import annotations

import csv
import io
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from django.test import override_settings

from predictor.errors import (
    CallerLeft,
    DamagedArtifact,
    InvalidInput,
    InvalidRows,
    InvalidTable,
    NotFound,
    NotServable,
    RaggedRows,
    StrictRows,
    TooLarge,
    UnknownEncoding,
    UnsupportedContent,
)
from predictor.ml.pipelines.fitted_pipeline import Outputs
from predictor.models import ModelVersion, PredictionLog, PredictionSource, User, Workspace
from predictor.services import artifacts, prediction_log, predictions, registry
from predictor.services.prediction_log.prediction_log import LogSearch
from predictor.services.predictions import loaded_versions
from predictor.services.process import callers
from predictor.tests import predicting
from predictor.tests.waiting import HANG_SECONDS


@pytest.fixture(autouse=True)
def _nothing_in_memory() -> None:
    loaded_versions.forget_all()


@pytest.fixture
def linear(workspace: Workspace, member: User) -> ModelVersion:
    return registry.register_linear(
        workspace=workspace, name="article", coefficients=[0.5, 0.3], intercept=-1.5, by=member
    )


def predict(served: ModelVersion, rows: Any, **more: Any) -> predictions.PredictionResponse:
    more.setdefault("by", served.created_by)
    return predicting.predict(served.registered_model, rows=rows, **more)


def test_the_articles_numbers_give_the_articles_answer(linear: ModelVersion) -> None:
    answer = predict(linear, [{"x1": 1, "x2": 2}])

    assert answer.predictions[0].prediction == -0.4


def test_a_response_names_model_version_and_request(linear: ModelVersion) -> None:
    answer = predict(linear, [{"x1": 1, "x2": 2}], request_id="r-1")

    assert (answer.model, answer.version, answer.request_id) == ("article", 1, "r-1")


def test_every_row_is_logged_with_inputs_and_output(linear: ModelVersion, member: User) -> None:
    answer = predict(linear, [{"x1": 1, "x2": 2}, {"x1": 3, "x2": 4.5}], source=PredictionSource.FORM)

    rows = list(PredictionLog.objects.order_by("row_number"))
    assert [row.pk for row in rows] == [each.id for each in answer.predictions]
    assert [row.inputs for row in rows] == [{"x1": 1, "x2": 2}, {"x1": 3, "x2": 4.5}]
    assert rows[0].output == {"prediction": -0.4}
    assert (rows[0].actor, rows[0].source, rows[0].model_version) == (member, "form", linear)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([], "no row"),
        ([{"x1": 1}], "Row 1, column “x2”"),
        ([{"x1": 1, "x2": 2}, {"x1": "abc", "x2": 2}], "Row 2, column “x1”"),
        ([{"x1": [1], "x2": 2}], "Row 1, column “x1”"),
        ([{"x1": math.inf, "x2": 2}], "finite"),
    ],
)
def test_rows_that_cannot_be_predicted_are_refused_by_name_and_not_logged(
    linear: ModelVersion, rows: Any, sentence: str
) -> None:
    with pytest.raises(InvalidRows, match=sentence):
        predict(linear, rows)

    assert not PredictionLog.objects.exists()


def test_rows_with_warnings_are_refused_when_strict(linear: ModelVersion) -> None:
    rows = [{"x1": None, "x2": "2", "x3": 9}]

    codes = [each.code for each in predict(linear, rows).predictions[0].warnings]

    assert sorted(codes) == ["coerced", "extra", "missing"]
    with pytest.raises(StrictRows):
        predict(linear, rows, strict=True)


@override_settings(MAX_PREDICTION_ROWS=2)
def test_too_many_rows_are_refused_with_the_limit(linear: ModelVersion) -> None:
    with pytest.raises(TooLarge, match="CSV") as caught:
        predict(linear, [{"x1": 1, "x2": 2}] * 3)

    assert caught.value.limit == 2


def test_the_alias_decides_which_version_answers_at_once(linear: ModelVersion, member: User) -> None:
    second = registry.register_linear(
        workspace=linear.registered_model.workspace,
        name="article",
        coefficients=[1, 1],
        intercept=0,
        by=member,
    )
    row = [{"x1": 1, "x2": 2}]
    assert predict(linear, row).version == 1
    registry.set_alias(
        registered_model=linear.registered_model, alias="champion", model_version=second, by=member
    )

    assert predict(linear, row).predictions[0].prediction == 3.0
    assert predict(linear, row, version=1).predictions[0].prediction == -0.4
    assert predict(linear, row, version="champion").version == 2


def test_an_unknown_version_is_not_found(linear: ModelVersion) -> None:
    with pytest.raises(NotFound, match="has no version “9”"):
        predict(linear, [{"x1": 1, "x2": 2}], version=9)


def test_an_archived_version_does_not_serve(linear: ModelVersion, member: User) -> None:
    registry.remove_alias(registered_model=linear.registered_model, alias="champion", by=member)
    registry.archive(model_version=linear, by=member)

    with pytest.raises(NotServable, match="is archived"):
        predict(linear, [{"x1": 1, "x2": 2}], version=1)


@pytest.mark.parametrize("name", ["spec.json", "model.onnx", "golden.json"])
def test_damaged_files_do_not_serve(linear: ModelVersion, name: str) -> None:
    path = Path(artifacts.path_of(linear.artifacts[name]["digest"]))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b" ")

    with pytest.raises(DamagedArtifact):
        predict(linear, [{"x1": 1, "x2": 2}])


def test_a_missing_file_does_not_serve_until_it_is_back(linear: ModelVersion) -> None:
    path = Path(artifacts.path_of(linear.artifacts["model.onnx"]["digest"]))
    away = path.rename(path.with_suffix(".away"))
    with pytest.raises(NotServable):
        predict(linear, [{"x1": 1, "x2": 2}])

    away.rename(path)

    assert predict(linear, [{"x1": 1, "x2": 2}]).version == 1


def test_a_prediction_that_is_not_finite_is_an_error_of_that_row(
    linear: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict(linear, [{"x1": 1, "x2": 2}])
    monkeypatch.setattr(
        "predictor.ml.inference.predictor.Predictor.predict",
        lambda self, columns: Outputs(values=np.array([1.0, np.nan, np.inf])),
    )

    found = predict(linear, [{"x1": 1, "x2": 2}] * 3).predictions

    assert [each.prediction for each in found] == [1.0, None, None]
    assert [bool(each.error) for each in found] == [False, True, True]


# --- Memory ------------------------------------------------------------------------------------------------
def test_many_requests_for_an_unloaded_version_load_it_once() -> None:
    versions = loaded_versions.LoadedVersions(lambda: 2, lambda: 10**9)
    started, n_loads = threading.Barrier(6), []
    release = threading.Event()

    def load() -> Any:
        n_loads.append(1)
        release.wait(HANG_SECONDS)
        return "loaded"

    def ask() -> None:
        started.wait()
        found.append(versions.get("a", load))

    found: list[Any] = []
    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    release.set()
    for thread in threads:
        thread.join()

    assert (len(n_loads), found) == (1, ["loaded"] * 6)


def test_the_cache_is_bounded_and_keeps_the_most_recently_used() -> None:
    versions = loaded_versions.LoadedVersions(lambda: 2, lambda: 10**9)
    for digest in ("a", "b", "a", "c"):
        versions.get(digest, object)  # type: ignore[arg-type, return-value]

    assert (len(versions), "a" in versions, "b" in versions, "c" in versions) == (2, True, False, True)


def test_the_cache_is_bounded_in_bytes_but_keeps_the_newest_version() -> None:
    versions = loaded_versions.LoadedVersions(lambda: 100, lambda: 10)
    for name, size in (("a", 4), ("b", 4), ("c", 4)):
        versions.get(name, object, lambda size=size: size)  # type: ignore[arg-type, return-value, misc]
    kept = [name for name in "abc" if name in versions]
    versions.get("huge", object, lambda: 50)  # type: ignore[arg-type, return-value]

    assert kept == ["b", "c"]
    assert ("huge" in versions, len(versions)) == (True, 1)


def test_a_load_that_failed_is_tried_again() -> None:
    versions = loaded_versions.LoadedVersions(lambda: 2, lambda: 10**9)

    def fail() -> Any:
        raise NotServable("not now")

    with pytest.raises(NotServable):
        versions.get("a", fail)

    assert versions.get("a", lambda: "loaded") == "loaded"  # type: ignore[arg-type, return-value, comparison-overlap]


# --- CSV ---------------------------------------------------------------------------------------------------
def predict_csv(version: ModelVersion, text: bytes | str, **more: Any) -> predictions.CsvAnswer:
    source = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return predicting.predict_csv(version.registered_model, source, by=version.created_by, **more)


def table(answer: predictions.CsvAnswer) -> list[list[str]]:
    with answer.path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_a_csv_keeps_its_columns_and_gets_predictions_and_warnings(linear: ModelVersion) -> None:
    answer = predict_csv(linear, "id,x2,x1\n007,2,1\n008,,3\n")

    head, first, second = table(answer)
    assert head == ["id", "x2", "x1", "prediction", "warnings"]
    assert first == ["007", "2", "1", "-0.4", ""]
    assert second[:3] == ["008", "", "3"]
    assert second[4]
    assert (answer.n_rows, answer.n_rows_with_warnings) == (2, 1)
    assert answer.warnings == ("The model does not use “id”.",)
    assert answer.preview[0]["prediction"] == -0.4


def test_csv_rows_are_logged_like_others(linear: ModelVersion) -> None:
    answer = predict_csv(linear, "x1,x2\n" + "1,2\n" * 2_500)

    assert PredictionLog.objects.filter(request_id=answer.request_id, source="csv").count() == 2_500
    assert PredictionLog.objects.get(row_number=2_500).output == {"prediction": -0.4}


def test_a_csv_that_is_refused_at_its_last_row_stores_nothing(linear: ModelVersion) -> None:
    with pytest.raises(InvalidRows, match="Row 2501, column “x1”"):
        predict_csv(linear, "x1,x2\n" + "1,2\n" * 2_500 + "abc,2\n")

    assert not PredictionLog.objects.exists()


def test_a_csv_whose_caller_has_left_is_given_up_between_chunks(
    linear: ModelVersion, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(callers, "LOOK_SECONDS", 0.0)
    looks: list[str] = []

    def has_left() -> bool:
        looks.append("look")
        return len(looks) == 2

    monkeypatch.setattr(callers, "_watch_of", lambda request: has_left)
    callers.begin("a request")

    with pytest.raises(CallerLeft):
        predict_csv(linear, "x1,x2\n" + "1,2\n" * 100_000)

    callers.begin(None)
    assert len(looks) == 2
    assert not PredictionLog.objects.exists()
    assert not list(Path(settings.WORK_DIR).glob("csv-*"))


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("", InvalidTable, "empty"),
        ("x1,x2\n", InvalidTable, "no rows"),
        ("x1, x1\n1,2\n", InvalidTable, "same name"),
        ("x1,x2\n1,2\n1\n1,2,3\n", RaggedRows, "Rows 2, 3"),
        ("x1\n1\n", InvalidRows, "column “x2”"),
        (b"\x89PNG\r\n\x1a\n000", UnsupportedContent, "PNG"),
        ("x1,x2,name\n1,2,Stra\xdfe\n".encode("cp1252"), UnknownEncoding, "cp1252"),
        ("x1,x2\n1,2\n" + "1,x\n", InvalidRows, "Row 2, column “x2”"),
        ("x1,x2\n1," + "9" * 70_000 + "\n", InvalidTable, "bytes"),
    ],
)
def test_a_csv_that_cannot_be_predicted_is_refused_with_a_sentence(
    linear: ModelVersion, text: Any, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        predict_csv(linear, text)


def test_bad_rows_are_left_out_on_request(linear: ModelVersion) -> None:
    answer = predict_csv(linear, "x1,x2\n1,2\n1\n", csv_options=predictions.CsvOptions(skip_bad_rows=True))

    assert (answer.n_rows, len(answer.warnings)) == (1, 1)


def test_semicolons_and_decimal_commas_are_found(linear: ModelVersion) -> None:
    assert table(predict_csv(linear, "x1;x2\n1,0;2,0\n3,5;4,5\n"))[1][2] == "-0.4"


@override_settings(MAX_PREDICTION_CSV_ROWS=3)
def test_a_csv_with_too_many_rows_is_refused_with_the_limit(linear: ModelVersion) -> None:
    with pytest.raises(TooLarge, match="3 rows"):
        predict_csv(linear, "x1,x2\n" + "1,2\n" * 4)


def test_formula_cells_are_neutralised_in_the_result(linear: ModelVersion) -> None:
    answer = predict_csv(linear, 'x1,x2,note\n-1,2,"=HYPERLINK(""http://x"")"\n1,2,@SUM(A1)\n')

    notes = [row[2] for row in table(answer)[1:]]
    assert notes == ['\'=HYPERLINK("http://x")', "'@SUM(A1)"]
    assert table(answer)[1][0] == "-1"


def test_a_column_named_prediction_is_kept(linear: ModelVersion) -> None:
    answer = predict_csv(linear, "x1,x2,prediction\n1,2,mine\n")

    assert answer.added == ("prediction_2", "warnings")
    assert table(answer)[1] == ["1", "2", "mine", "-0.4", ""]


def test_a_result_can_be_fetched_by_its_person_and_by_nobody_else(
    linear: ModelVersion, viewer: User, workspace: Workspace, member: User
) -> None:
    answer = predict_csv(linear, "x1,x2\n1,2\n")

    assert predictions.open_csv_result(workspace=workspace, key=answer.key, by=member) == answer.path
    for key, by in ((answer.key, viewer), ("../../x", member), ("0" * 32, member)):
        with pytest.raises(NotFound):
            predictions.open_csv_result(workspace=workspace, key=key, by=by)


# --- Log ---------------------------------------------------------------------------------------------------
@pytest.fixture
def logged(linear: ModelVersion, viewer: User) -> ModelVersion:
    predict(linear, [{"x1": 1, "x2": 2, "city": "北京"}], source=PredictionSource.FORM)
    predict(linear, [{"x1": 3, "x2": 4, "city": "=1+1"}], by=viewer, request_id="r-2")
    return linear


@pytest.mark.parametrize(
    ("wanted", "n_found"),
    [
        (LogSearch(), 2),
        (LogSearch(model="article"), 2),
        (LogSearch(model="other"), 0),
        (LogSearch(version=1), 2),
        (LogSearch(version=2), 0),
        (LogSearch(source="form"), 1),
        (LogSearch(actor="viewer@"), 1),
        (LogSearch(request_id="r-2"), 1),
        (LogSearch(text="北京"), 1),
        (LogSearch(text="-0.4"), 1),
        (LogSearch(text="nowhere"), 0),
    ],
)
def test_the_log_is_searched(
    logged: ModelVersion, workspace: Workspace, wanted: LogSearch, n_found: int
) -> None:
    assert prediction_log.search(workspace, wanted).count() == n_found


def test_the_log_is_searched_by_time(logged: ModelVersion, workspace: Workspace) -> None:
    first, second = PredictionLog.objects.order_by("id")
    since = second.created_at

    assert prediction_log.search(workspace, LogSearch(until=first.created_at)).count() == 0
    assert second in prediction_log.search(workspace, LogSearch(since=since.replace(microsecond=0)))


def test_the_log_of_another_workspace_is_not_visible(
    logged: ModelVersion, other_workspace: Workspace
) -> None:
    assert not prediction_log.search(other_workspace).exists()


def test_the_log_is_exported_as_csv_without_formulas(logged: ModelVersion, workspace: Workspace) -> None:
    lines = b"".join(prediction_log.export(workspace, kind="csv")).decode()

    head, newest, _ = csv.reader(io.StringIO(lines))
    assert newest[head.index("model")] == "article"
    assert "=1+1" in newest[head.index("inputs")]


def test_the_log_is_exported_as_json_lines(logged: ModelVersion, workspace: Workspace) -> None:
    lines = b"".join(prediction_log.export(workspace, kind="jsonl")).splitlines()

    assert len(lines) == 2
    assert "北京".encode() in lines[1]


def test_other_export_formats_are_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput):
        prediction_log.export(workspace, kind="xlsx")


# --- ONNX --------------------------------------------------------------------------------------------------
def test_the_downloaded_onnx_file_holds_its_signature_and_still_runs(linear: ModelVersion) -> None:
    file = registry.onnx_download(linear)

    content = file.read()
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model)
    properties = {each.key: each.value for each in model.metadata_props}
    assert file.n_bytes == len(content)
    assert properties["mlweb.version"] == "1"
    assert '"target"' in properties["mlweb.signature"]
    assert properties["mlweb.spec"]
