"""Driver of Triton's HTTP client: binary tensors (the default), JSON, compression, and the V2 extensions."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tritonclient
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

sys.path.insert(0, str(Path(__file__).parent))
from checks import refused, same, started

checks = started()
setup = checks.setup
client = triton.InferenceServerClient(setup.base)
KINDS = {
    "age": "INT64",
    "income": "FP64",
    "member": "BOOL",
    "joined": "BYTES",
    "city": "BYTES",
    "note": "BYTES",
}
NUMPY = {"INT64": np.int64, "FP64": np.float64, "BOOL": np.bool_, "BYTES": np.object_}
VERSION = tritonclient.__version__ if hasattr(tritonclient, "__version__") else ""


def inputs(model: str = "churn", *, is_binary: bool = True, is_column: bool = True) -> list[Any]:
    rows = setup.rows["whole"]
    tensors = []
    for name, kind in KINDS.items():
        shape = [len(rows), 1] if is_column else [len(rows)]
        values = np.array([row[name] for row in rows], NUMPY[kind]).reshape(shape)
        tensor = triton.InferInput(name, shape, kind)
        tensor.set_data_from_numpy(values, binary_data=is_binary)
        tensors.append(tensor)
    return tensors


def infer(model: str = "churn", *, is_binary: bool = True, **more: Any) -> Any:
    return client.infer(model, inputs(model, is_binary=is_binary), headers=setup.headers, **more)


def check_answer(result: Any, model: str = "churn") -> None:
    wanted = setup.answers[model]
    same(result.as_numpy("predict").reshape(-1).tolist(), wanted["whole"], "predict")


@checks.check("is_server_live / is_server_ready")
def health() -> None:
    assert client.is_server_live()
    assert client.is_server_ready()


@checks.check("is_model_ready, also of a version and an alias; false for one that is not there")
def ready() -> None:
    for version in ("", "1", "champion"):
        assert client.is_model_ready("churn", version, headers=setup.headers), version
    assert not client.is_model_ready("nothing", headers=setup.headers)


@checks.check("get_server_metadata")
def server() -> str:
    found = client.get_server_metadata(headers=setup.headers)
    assert {"binary_tensor_data", "classification", "model_repository", "statistics"} <= set(
        found["extensions"]
    )
    return f"{found['name']} {found['version']}"


@checks.check("get_model_metadata, get_model_config")
def metadata() -> None:
    found = client.get_model_metadata("churn", "champion", headers=setup.headers)
    assert {each["name"] for each in found["inputs"]} == set(KINDS)
    assert found["versions"] == ["1"]
    assert client.get_model_config("churn", headers=setup.headers)["name"] == "churn"


@checks.check("infer, default (binary both ways), classification model")
def binary() -> None:
    result = infer()
    check_answer(result)
    assert result.as_numpy("predict_proba").shape == (len(setup.rows["whole"]), 2)
    assert result.get_response()["model_version"] == "1"


@checks.check("infer, default (binary both ways), regression model")
def regression() -> None:
    result = infer("spend")
    check_answer(result, "spend")
    assert result.as_numpy("interval").shape == (len(setup.rows["whole"]), 2)


@checks.check("infer, shape [N]")
def flat() -> None:
    check_answer(client.infer("churn", inputs(is_column=False), headers=setup.headers))


@checks.check("infer, JSON both ways")
def as_json() -> None:
    outputs = [triton.InferRequestedOutput("predict", binary_data=False)]
    check_answer(infer(is_binary=False, outputs=outputs))


@checks.check("infer, JSON in, binary out")
def binary_output() -> None:
    check_answer(infer(is_binary=False, outputs=[triton.InferRequestedOutput("predict", binary_data=True)]))


for algorithm in ("gzip", "deflate"):

    @checks.check(f"infer, request and answer packed with {algorithm}")
    def packed(algorithm: str = algorithm) -> None:
        check_answer(infer(request_compression_algorithm=algorithm, response_compression_algorithm=algorithm))


@checks.check("infer, classification extension, top 1 and 2")
def classification() -> str:
    shown = ""
    for n, is_binary in ((1, True), (2, False)):
        wanted = [triton.InferRequestedOutput("predict_proba", binary_data=is_binary, class_count=n)]
        found = infer(outputs=wanted).as_numpy("predict_proba")
        assert found.shape == (len(setup.rows["whole"]), n), found.shape
        shown = str(found.reshape(-1)[0])
    return shown


@checks.check("infer of a version, of an alias, with a request id and parameters")
def versions() -> None:
    for version in ("1", "champion"):
        result = infer(model_version=version, request_id="r-7", parameters={"coverage": 0.8})
        check_answer(result)
        assert result.get_response()["id"] == "r-7"
        assert json.loads(result.as_numpy("set")[0])["coverage"] == 0.8


@checks.check("infer, outputs explain and warnings")
def explain() -> None:
    outputs = [triton.InferRequestedOutput("predict"), triton.InferRequestedOutput("explain")]
    found = infer(outputs=outputs).as_numpy("explain")
    assert set(json.loads(found[0])["contributions"]) == set(KINDS)


@checks.check("infer, gaps as NaN and empty text")
def gaps() -> None:
    rows, tensors = setup.rows["asked"], []
    for name, kind in {**KINDS, "age": "FP64", "member": "BYTES"}.items():
        empty = float("nan") if kind == "FP64" else ""
        cells = [row[name] for row in rows]
        if name == "member":
            cells = [cell if cell is None else str(cell).lower() for cell in cells]
        values = np.array([empty if cell is None else cell for cell in cells], NUMPY[kind]).reshape(-1, 1)
        tensor = triton.InferInput(name, list(values.shape), kind)
        tensor.set_data_from_numpy(values)
        tensors.append(tensor)
    result = client.infer("churn", tensors, headers=setup.headers)
    same(result.as_numpy("predict").reshape(-1).tolist(), setup.answers["churn"]["asked"], "predict")


@checks.check("async_infer, eight at once")
def together() -> None:
    with triton.InferenceServerClient(setup.base, concurrency=8) as parallel_client:
        requests = [parallel_client.async_infer("churn", inputs(), headers=setup.headers) for _ in range(8)]
        for each in requests:
            check_answer(each.get_result())


@checks.check("one 2-D matrix for an all-numeric model, FP32")
def matrix() -> None:
    tensor = triton.InferInput("input-0", [2, 2], "FP32")
    tensor.set_data_from_numpy(np.array([[1, 2], [3, 4]], np.float32))
    result = client.infer("article", [tensor], headers=setup.headers)
    same(result.as_numpy("predict").tolist(), [-0.4, 1.2], "predict")


@checks.check("get_model_repository_index")
def index() -> None:
    found = client.get_model_repository_index(headers=setup.headers)
    assert {each["name"] for each in found} == {"article", "churn", "spend"}, found
    assert all(each["state"] == "READY" for each in found)


@checks.check("load_model, unload_model")
def load() -> None:
    client.unload_model("churn", headers=setup.headers)
    client.load_model("churn", headers=setup.headers)
    check_answer(infer())


@checks.check("get_inference_statistics")
def statistics() -> str:
    found = client.get_inference_statistics("churn", "1", headers=setup.headers)["model_stats"][0]
    assert found["inference_count"] >= found["execution_count"] > 0
    return f"{found['execution_count']} requests"


@checks.check("a wrong shape is a readable error")
def wrong_shape() -> str:
    tensor = triton.InferInput("m", [1, 3], "FP64")
    tensor.set_data_from_numpy(np.array([[1.0, 2.0, 3.0]]))
    return refused(lambda: client.infer("article", [tensor], headers=setup.headers), "[N, 2]")


@checks.check("missing inputs are a readable error")
def missing() -> str:
    tensor = triton.InferInput("x1", [1, 1], "FP64")
    tensor.set_data_from_numpy(np.array([[1.0]]))
    return refused(lambda: client.infer("article", [tensor], headers=setup.headers), "400", "x2")


@checks.check("an unknown model, version and output are readable errors")
def unknown() -> str:
    refused(lambda: infer("nothing"), "404")
    refused(lambda: infer(model_version="99"), "404")
    return refused(lambda: infer(outputs=[triton.InferRequestedOutput("nothing")]), "predict_proba")


@checks.check("no token and a wrong one are readable errors")
def tokens() -> str:
    refused(lambda: client.infer("churn", inputs()), "401")
    wrong = {"Authorization": "Bearer mlw_" + "x" * 43}
    try:
        client.get_model_metadata("churn", headers=wrong)
    except InferenceServerException as error:
        return str(error)
    raise AssertionError("it was not refused")


@checks.check("bad JSON is a readable error")
def bad_json() -> str:
    answer = client._post(
        request_uri="v2/models/churn/infer",
        request_body=b'{"inputs": [',
        headers=setup.headers,
        query_params=None,
    )
    assert answer.status_code == 400, answer.status_code
    return str(json.loads(answer.read())["error"])


for model in setup.snippets:
    checks.check_snippet("triton", model)

checks.run()
