"""Driver of KServe's inference client, V1 and V2."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import kserve
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

sys.path.insert(0, str(Path(__file__).parent))
from checks import same, started

checks = started()
setup = checks.setup
KINDS = {
    "age": "INT64",
    "income": "FP64",
    "member": "BOOL",
    "joined": "BYTES",
    "city": "BYTES",
    "note": "BYTES",
}
NUMPY = {"INT64": np.int64, "FP64": np.float64, "BOOL": np.bool_, "BYTES": np.object_}


def client(protocol: str) -> Any:
    return InferenceRESTClient(RESTConfig(protocol=protocol, retries=0))


def request(model: str, *, is_binary: bool) -> InferRequest:
    rows = setup.rows["whole"]
    tensors = []
    for name, kind in KINDS.items():
        tensor = InferInput(name, [len(rows), 1], kind)
        values = np.array([row[name] for row in rows], NUMPY[kind]).reshape(-1, 1)
        tensor.set_data_from_numpy(values, binary_data=is_binary)
        tensors.append(tensor)
    return InferRequest(model, tensors, request_id="r-8")


def headers() -> dict[str, str]:
    return dict(setup.headers)


async def refused(coroutine: Any, *words: str) -> str:
    try:
        await coroutine
    except Exception as error:
        missing = [word for word in words if word not in str(error)]
        if missing:
            raise AssertionError(f"the error lacks {missing}: {error}") from None
        return str(error)
    raise AssertionError("it was not refused")


@checks.check("V2 is_server_live, is_server_ready")
async def health() -> None:
    async with client("v2") as each:
        assert await each.is_server_live(setup.url)
        assert await each.is_server_ready(setup.url)


@checks.check("V2 is_model_ready; false for one that is not there")
async def ready() -> None:
    async with client("v2") as each:
        assert await each.is_model_ready(setup.url, "churn", headers=headers())
        assert not await each.is_model_ready(setup.url, "nothing", headers=headers())


for model in ("churn", "spend"):
    for is_binary in (True, False):
        form = "binary" if is_binary else "JSON"

        @checks.check(f"V2 infer, {form}, {model}")
        async def infer(model: str = model, is_binary: bool = is_binary) -> None:
            async with client("v2") as each:
                asked = request(model, is_binary=is_binary)
                result = await each.infer(setup.url, asked, model_name=model, headers=headers())
            predict = next(output for output in result.outputs if output.name == "predict")
            same(predict.as_numpy().reshape(-1).tolist(), setup.answers[model]["whole"], "predict")
            assert (result.model_name, result.id) == (model, "r-8")


@checks.check("V2 infer without an id, as a dict, with the model's name in it")
async def as_dict() -> None:
    body = {
        "model_name": "article",
        "inputs": [{"name": "m", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}],
    }
    async with client("v2") as each:
        result = await each.infer(setup.url, body, model_name="article", headers=headers())
    same(result.outputs[0].as_numpy().reshape(-1).tolist(), [-0.4], "predict")


@checks.check("V2 infer of a version by its address")
async def version() -> None:
    async with client("v2") as each:
        asked = request("churn", is_binary=True)
        result = await each.infer(setup.url, asked, model_name="churn/versions/champion", headers=headers())
    # The client reads no version from an answer.
    predict = next(output for output in result.outputs if output.name == "predict")
    same(predict.as_numpy().reshape(-1).tolist(), setup.answers["churn"]["whole"], "predict")


@checks.check("V2 wrong shape and unknown model are readable errors")
async def wrong() -> str:
    body = {"inputs": [{"name": "m", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}]}
    async with client("v2") as each:
        await refused(each.infer(setup.url, body, model_name="nothing", headers=headers()), "404")
        await refused(each.infer(setup.url, {}, model_name="article", headers=headers()), "inputs", "400")
        return await refused(each.infer(setup.url, body, model_name="article", headers=headers()), "[N, 2]")


@checks.check("V1 is_server_live, is_model_ready")
async def health_v1() -> None:
    async with client("v1") as each:
        assert await each.is_server_live(setup.url)
        assert await each.is_model_ready(setup.url, "churn", headers=headers())


for model in ("churn", "spend"):

    @checks.check(f"V1 predict with gaps, {model}")
    async def predict(model: str = model) -> None:
        async with client("v1") as each:
            found = await each.infer(
                setup.url, {"instances": setup.rows["asked"]}, model_name=model, headers=headers()
            )
        same(found["predictions"], setup.answers[model]["asked"], "predictions")


@checks.check("V1 predict, rows as lists")
async def lists() -> None:
    rows = [list(row.values()) for row in setup.rows["asked"]]
    async with client("v1") as each:
        found = await each.infer(setup.url, {"instances": rows}, model_name="churn", headers=headers())
    same(found["predictions"], setup.answers["churn"]["asked"], "predictions")


@checks.check("V1 explain")
async def explain() -> None:
    async with client("v1") as each:
        found = await each.explain(setup.url, "churn", {"instances": setup.rows["whole"]}, headers=headers())
    assert set(found["explanations"][0]["contributions"]) == set(KINDS)


@checks.check("V1 missing instances and a wrong token are readable errors")
async def wrong_v1() -> str:
    async with client("v1") as each:
        token = {"Authorization": "Bearer nothing"}
        await refused(each.infer(setup.url, {"instances": []}, model_name="churn", headers=token), "401")
        return await refused(each.infer(setup.url, {}, model_name="churn", headers=headers()), "instances")


assert kserve.__file__
checks.run()
