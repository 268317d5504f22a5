"""The responses that the clients of each protocol read: fields, headers, errors."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from predictor.models import ApiToken, ModelVersion, RegisteredModel, Scope, User, Workspace
from predictor.services import registry
from predictor.services.process import short_cache
from predictor.tests.serve.conftest import Wire, binary, outputs_of
from predictor.tests.serve.test_faces import binary_inputs, tensors
from predictor.tests.web.served_versions import EVIL_NUMBER, ROW, publish_served

INFER = "v2/models/churn/infer"
LINEAR = {"inputs": [{"name": "input-0", "shape": [2, 2], "datatype": "FP32", "data": [[1, 2], [3, 4]]}]}


@pytest.fixture
def linear(workspace: Workspace, member: User) -> ModelVersion:
    """0.5·x1 + 0.3·x2 − 1.5, all numeric."""
    return registry.register_linear(
        workspace=workspace, name="article", coefficients=[0.5, 0.3], intercept=-1.5, by=member
    )


def test_health_needs_no_token(workspace: Workspace) -> None:
    client = Client()

    assert client.get("/serve/acme/v2/health/live").json() == {"live": True}
    assert client.get("/serve/acme/v2/health/ready").json() == {"live": True, "ready": True}
    assert client.get("/serve/acme/").json() == {"status": "alive"}
    assert client.get("/serve/acme/models/anything/ping").content == b"\n"


def test_metadata_names_every_column_and_output(wire: Wire, model: RegisteredModel) -> None:
    publish_served(model)

    found = wire.get("v2/models/churn").json()

    assert found["versions"] == ["1", "2"]
    kinds = {each["name"]: each["datatype"] for each in found["inputs"]}
    assert kinds["age"] == "FP64"  # an integer with gaps has no form for them
    assert kinds["member"] == "BOOL"
    assert {
        each.get("parameters", {}).get("content_type") for each in found["inputs"] if each["name"] == "joined"
    } == {"datetime"}
    outputs = {each["name"]: each["shape"] for each in found["outputs"]}
    assert outputs == {
        "predict": [-1], "predict_proba": [-1, 2], "set": [-1], "explain": [-1], "warnings": [-1], "error": [-1],
    }  # fmt: skip


def test_config_index_and_statistics(wire: Wire, model: RegisteredModel) -> None:
    wire.post(INFER, {"inputs": tensors(ROW)})

    config = wire.get("v2/models/churn/config").json()
    index = wire.post("v2/repository/index", b"", "").json()
    stats = wire.get("v2/models/churn/versions/1/stats").json()["model_stats"]

    assert config["input"][0] == {"name": "age", "data_type": "TYPE_FP64", "dims": [1]}
    assert index == [{"name": "churn", "version": "1", "state": "READY", "reason": ""}]
    assert [(each["inference_count"], each["execution_count"]) for each in stats] == [(1, 1)]
    assert stats[0]["last_inference"] > 1_600_000_000_000


def test_an_archived_version_is_in_the_index_but_not_ready(
    wire: Wire, model: RegisteredModel, member: User
) -> None:
    version = publish_served(model)
    registry.archive(model_version=version, by=member)

    every = wire.post("v2/repository/index", {}).json()
    ready = wire.post("v2/repository/index", {"ready": True}).json()

    assert [each["state"] for each in every] == ["READY", "UNAVAILABLE"]
    assert [each["version"] for each in ready] == ["1"]
    assert wire.get("v2/models/churn/versions/2/ready").status_code == 503
    assert wire.post("v2/models/churn/versions/2/infer", {"inputs": tensors(ROW)}).status_code == 409


def test_load_and_unload_change_nothing_for_clients(wire: Wire, model: RegisteredModel) -> None:
    assert wire.post("v2/repository/models/churn/load", b"", "").status_code == 200
    assert wire.post("v2/repository/models/churn/unload", b"", "").status_code == 403
    ApiToken.objects.update(scopes=[Scope.WRITE, Scope.PREDICT])
    short_cache.forget_all()
    assert wire.post("v2/repository/models/churn/unload", b"", "").status_code == 200

    assert wire.post(INFER, {"inputs": tensors(ROW)}).status_code == 200


def test_an_answer_repeats_the_id_and_names_model_and_version(wire: Wire, model: RegisteredModel) -> None:
    body = {"id": "r-1", "model_name": "churn", "inputs": tensors(ROW), "outputs": [{"name": "predict"}]}

    found = wire.post("v2/models/churn/versions/champion/infer", body).json()

    assert (found["id"], found["model_name"], found["model_version"]) == ("r-1", "churn", "1")
    assert [each["name"] for each in found["outputs"]] == ["predict"]
    assert found["outputs"][0]["datatype"] == "BYTES"


def test_without_an_id_one_is_made(wire: Wire, model: RegisteredModel) -> None:
    found = wire.post(INFER, {"inputs": tensors(ROW)})

    assert found.json()["id"] == found["X-Request-ID"]


def test_a_matrix_is_taken_where_all_features_are_numbers(wire: Wire, linear: ModelVersion) -> None:
    assert outputs_of(wire.post("v2/models/article/infer", LINEAR))["predict"] == [-0.4, 1.2]


def test_bytes_come_back_as_bytes_when_asked(wire: Wire, linear: ModelVersion) -> None:
    body, header = binary(
        [("x1", "INT64", [1, 3]), ("x2", "FP64", [2.0, 4.0])], parameters={"binary_data_output": True}
    )

    answer = wire.post("v2/models/article/infer", body, "application/octet-stream", **header)

    assert answer["Content-Type"] == "application/octet-stream"
    assert outputs_of(answer)["predict"] == [-0.4, 1.2]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_requests_and_responses_may_be_compressed(encoding: str, wire: Wire, linear: ModelVersion) -> None:
    rows = [[float(number), 2.0] for number in range(200)]
    body = orjson.dumps({"inputs": [{"name": "m", "shape": [200, 2], "datatype": "FP64", "data": rows}]})
    packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)

    answer = wire.post(
        "v2/models/article/infer", packed, "", Content_Encoding=encoding, Accept_Encoding=encoding
    )

    assert answer["Content-Encoding"] == encoding
    unpack = gzip.decompress if encoding == "gzip" else zlib.decompress
    assert len(orjson.loads(unpack(answer.content))["outputs"][0]["data"]) == 200


def test_a_decompression_bomb_is_refused(wire: Wire, linear: ModelVersion, settings: Any) -> None:
    settings.MAX_BODY_BYTES = 10_000

    answer = wire.post(
        "v2/models/article/infer", gzip.compress(b" " * 1_000_000), "", Content_Encoding="gzip"
    )

    assert answer.status_code == 413
    assert "10,000 bytes" in answer.json()["error"]


def test_classification_set_explanation_and_warnings_are_outputs(wire: Wire, model: RegisteredModel) -> None:
    body = {
        "inputs": tensors({**ROW, "plan": "unheard of"}),
        "outputs": [
            {"name": "predict_proba", "parameters": {"classification": 1}},
            {"name": "set"},
            {"name": "explain"},
            {"name": "warnings"},
        ],
    }

    found = outputs_of(wire.post(INFER, body))

    chance, place, label = found["predict_proba"][0].split(":")
    assert (0.5 <= float(chance) <= 1, int(place) in (0, 1), label) == (
        True,
        True,
        ["stay", "<b>leave</b>"][int(place)],
    )
    assert orjson.loads(found["set"][0])["coverage"] == 0.9
    explained = orjson.loads(found["explain"][0])
    assert explained["base"] + sum(explained["contributions"].values()) == pytest.approx(
        float(chance), abs=1e-6
    )
    assert orjson.loads(found["warnings"][0])[0]["code"] == "unseen"


def test_kserve_explains_and_mlflow_takes_params(wire: Wire, model: RegisteredModel) -> None:
    v1 = wire.post("v1/models/churn:explain", {"instances": [ROW]}).json()
    mlflow = wire.post(
        "models/churn/invocations", {"dataframe_records": [ROW], "params": {"explain": True, "coverage": 0.8}}
    ).json()

    assert v1["explanations"] == mlflow["explanations"]
    assert mlflow["sets"][0]["coverage"] == 0.8
    assert mlflow["classes"] == ["stay", "<b>leave</b>"]


WRONG_TENSORS = {
    "no inputs": {},
    "inputs that are no list": {"inputs": {}},
    "an unknown type": {"inputs": [{"name": "x1", "shape": [1], "datatype": "FP8", "data": [1]}]},
    "a wrong count": {"inputs": [{"name": "x1", "shape": [2], "datatype": "FP64", "data": [1]}]},
    "a negative shape": {"inputs": [{"name": "x1", "shape": [-1], "datatype": "FP64", "data": [1]}]},
    "a text for a number": {"inputs": [{"name": "x1", "shape": [1], "datatype": "FP64", "data": ["a"]}]},
    "ragged data": {"inputs": [{"name": "m", "shape": [2, 2], "datatype": "FP64", "data": [[1, 2], 3]}]},
    "a matrix too wide": {"inputs": [{"name": "m", "shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3]}]},
    "no data": {"inputs": [{"name": "x1", "shape": [1], "datatype": "FP64"}]},
    "an unknown output": {**LINEAR, "outputs": [{"name": "nothing"}]},
    "classes of a number": {**LINEAR, "outputs": [{"name": "predict", "parameters": {"classification": 1}}]},
    "a missing column": {"inputs": [{"name": "x1", "shape": [1], "datatype": "FP64", "data": [1]}]},
    "no rows": {"inputs": [{"name": "m", "shape": [0, 2], "datatype": "FP64", "data": []}]},
}


@pytest.mark.parametrize("body", WRONG_TENSORS.values(), ids=WRONG_TENSORS)
def test_wrong_tensors_are_400_with_an_error_text(body: Any, wire: Wire, linear: ModelVersion) -> None:
    answer = wire.post("v2/models/article/infer", body)

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/json")
    assert list(answer.json()) == ["error"]


def test_wrong_bytes_are_400(wire: Wire, linear: ModelVersion) -> None:
    body, header = binary([("x1", "FP64", [1.0]), ("x2", "FP64", [2.0])])
    (length,) = header.values()

    def status(content: bytes, n: str = length) -> int:
        answer = wire.post("v2/models/article/infer", content, "", Inference_Header_Content_Length=n)
        return int(answer.status_code)

    assert status(body) == 200
    assert [
        status(body[:-1]),
        status(body + b"x"),
        status(body, "9999"),
        status(body, "-1"),
        status(body, "5"),
    ] == [400] * 5
    texts = struct.pack("<I", 900) + b"abc"
    head = orjson.dumps(
        {
            "inputs": [
                {
                    "name": "x1",
                    "shape": [1],
                    "datatype": "BYTES",
                    "parameters": {"binary_data_size": len(texts)},
                }
            ]
        }
    )
    assert status(head + texts, str(len(head))) == 400


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("v2/models/nothing", "get", 404),
        ("v2/models/churn/versions/99", "get", 404),
        ("v2/models/churn/infer", "get", 405),
        ("v2/nothing", "get", 404),
        ("nothing", "get", 404),
        ("v2/a%0Aline break", "get", 404),
        ("v1/models/nothing:predict", "post", 404),
    ],
)
def test_every_error_of_v2_and_v1_is_an_error_text(
    path: str, method: str, status: int, wire: Wire, model: RegisteredModel
) -> None:
    answer = wire.get(path) if method == "get" else wire.post(path, {"instances": []})

    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json")
    assert list(answer.json()) == ["error"]


def test_without_a_token_and_with_a_wrong_one_it_is_401(wire: Wire, model: RegisteredModel) -> None:
    wire.token = "mlw_" + "x" * 43

    for found in (wire.get("v2/models/churn"), Client().get("/serve/acme/v2/models/churn")):
        assert (found.status_code, list(found.json())) == (401, ["error"])
        assert found["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("sent", ["Basic é", "Basic /w==", "Basic ?", "Basic ", "Bearer é", "é"])
def test_an_invalid_authorization_header_is_401(sent: str, model: RegisteredModel) -> None:
    found = Client(raise_request_exception=False).get("/serve/acme/v2/models/churn", HTTP_AUTHORIZATION=sent)

    assert (found.status_code, list(found.json())) == (401, ["error"])


MLFLOW_WRONG = {
    "two forms": ({"instances": [[1, 2]], "inputs": [[1, 2]]}, "application/json", 400, "BAD_REQUEST"),
    "an unknown name": ({"rows": []}, "application/json", 400, "BAD_REQUEST"),
    "unknown params": ({"instances": [[1, 2]], "params": {"x": 1}}, "application/json", 400, "BAD_REQUEST"),
    "a missing column": (
        {"dataframe_records": [{"x1": 1}]},
        "application/json",
        400,
        "INVALID_PARAMETER_VALUE",
    ),
    "a short row": ({"instances": [[1]]}, "application/json", 400, "BAD_REQUEST"),
    "bad JSON": (b"{", "application/json", 400, "BAD_REQUEST"),
    "infinity": (b'{"instances": [[1, Infinity, NaN]]}', "application/json", 400, "BAD_REQUEST"),
    "a name twice": (
        b'{"inputs": {"x1": [1], "x1": [2], "x2": [3]}}',
        "application/json",
        400,
        "BAD_REQUEST",
    ),
    "a name twice beside a gap": (
        b'{"inputs": {"x1": [1], "x1": [2], "x2": [NaN]}}',
        "application/json",
        400,
        "BAD_REQUEST",
    ),
    "no type": (b"{}", "", 415, "BAD_REQUEST"),
    "another type": (b"x", "text/xml", 415, "BAD_REQUEST"),
    "another charset": (b"x1,x2\n1,2\n", "text/csv; charset=latin-1", 415, "BAD_REQUEST"),
    "a ragged CSV": (b"x1,x2\n1\n", "text/csv", 400, "BAD_REQUEST"),
    "a CSV without rows": (b"x1,x2\n", "text/csv", 400, "BAD_REQUEST"),
    "a CSV that is JSON": (b'{"x1": 1}', "text/csv", 400, "BAD_REQUEST"),
    "a CSV that is not UTF-8": (b"x1,x2\n1,\xff\xe9\n", "text/csv", 400, "BAD_REQUEST"),
    "a CSV with a column twice": (b"x1,x2,x1\n1,2,3\n", "text/csv", 400, "BAD_REQUEST"),
    "a CSV without a column": (b"x1\n1\n", "text/csv", 400, "INVALID_PARAMETER_VALUE"),
    "a text in a CSV": (b"x1,x2\n1,a\n", "text/csv", 400, "INVALID_PARAMETER_VALUE"),
    "no Parquet": (b"PAR1", "application/vnd.apache.parquet", 400, "INVALID_PARAMETER_VALUE"),
}


@pytest.mark.parametrize(("body", "kind", "status", "code"), MLFLOW_WRONG.values(), ids=MLFLOW_WRONG)
def test_mlflow_errors_have_the_form_of_mlflow(
    body: Any, kind: str, status: int, code: str, wire: Wire, linear: ModelVersion
) -> None:
    answer = wire.post("models/article/invocations", body, kind)

    assert (answer.status_code, set(answer.json())) == (status, {"error_code", "message"})
    assert answer.json()["error_code"] == code


def test_mlflow_refuses_a_small_parquet_file_that_unpacks_to_too_much(
    wire: Wire, linear: ModelVersion, tmp_path: Path
) -> None:
    path = tmp_path / "rows.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT 1 AS x1, repeat('9', 60_000) AS x2 FROM range(1000)) TO '{path}' (FORMAT parquet)"
        )

    answer = wire.post("models/article/invocations", path.read_bytes(), "application/vnd.apache.parquet")

    assert answer.status_code == 413
    assert "Unpacked, the table holds 60,008,000 bytes" in answer.json()["message"]


def test_mlflow_refuses_a_csv_of_too_many_rows(wire: Wire, linear: ModelVersion, settings: Settings) -> None:
    settings.MAX_PREDICTION_ROWS = 2

    assert wire.post("models/article/invocations", b"x1,x2\n1,2\n1,2\n", "text/csv").status_code == 200
    answer = wire.post("models/article/invocations", b"x1,x2\n1,2\n1,2\n1,2\n", "text/csv")

    assert (answer.status_code, answer.json()["error_code"]) == (413, "BAD_REQUEST")
    assert "may hold 2 rows" in answer.json()["message"]


def test_mlflow_decimals_are_not_cut_in_an_integer_column(wire: Wire, linear: ModelVersion) -> None:
    """MLflow silently cuts 33.5 to 33 for an integer column; here 33.5 is kept."""
    found = wire.post("models/article/invocations", b"x1,x2\n1.5,2\n", "text/csv").json()

    assert found["predictions"] == [-0.15]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["inputs", "name", "shape", "datatype", "data", "instances", "parameters", "outputs", "x1"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
PATHS = [
    "v2/models/article/infer",
    "v1/models/article:predict",
    "models/article/invocations",
    "models/article/predict",
]


@pytest.mark.django_db
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)
@given(
    body=values.map(
        lambda value: orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS) if not _is_huge(value) else b"1"
    )
    | st.binary(max_size=40),
    length=st.none() | st.integers(-1, 50),
)
def test_no_body_makes_a_500(body: bytes, length: int | None, wire: Wire, linear: ModelVersion) -> None:
    header = {} if length is None else {"Inference_Header_Content_Length": str(length)}
    for path in PATHS:
        answer = wire.post(path, body, **header)
        assert answer.status_code < 500, (path, body)
    for kind in ("text/csv", "application/vnd.apache.parquet"):
        assert wire.post(PATHS[2], body, kind).status_code < 500, (kind, body)


def _is_huge(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_is_huge, value))
    if isinstance(value, dict):
        return any(map(_is_huge, value.values()))
    return isinstance(value, int) and value.bit_length() > 63


def test_binary_of_every_role_answers(wire: Wire, model: RegisteredModel) -> None:
    body, header = binary(binary_inputs({**ROW, EVIL_NUMBER: 0.5}))

    assert wire.post(INFER, body, "", **header).status_code == 200
