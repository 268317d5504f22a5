"""Driver with MLServer's codecs: they encode the requests and decode the responses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import requests
from mlserver.codecs import NumpyRequestCodec, PandasCodec
from mlserver.types import InferenceRequest, InferenceResponse

sys.path.insert(0, str(Path(__file__).parent))
from checks import HANG_SECONDS, same, started

checks = started()
setup = checks.setup


def frame(kind: str = "whole") -> pd.DataFrame:
    return pd.DataFrame(setup.rows[kind])


def infer(request: InferenceRequest, model: str = "churn") -> Any:
    body = request.model_dump_json(exclude_none=True)
    headers = {**setup.headers, "Content-Type": "application/json"}
    answer = requests.post(
        f"{setup.url}/v2/models/{model}/infer", data=body, headers=headers, timeout=HANG_SECONDS
    )
    assert answer.status_code == 200, answer.text
    return InferenceResponse.model_validate(answer.json())


for model in ("churn", "spend"):

    @checks.check(f"PandasCodec.encode_request → infer → InferenceResponse, {model}")
    def pandas_codec(model: str = model) -> None:
        response = infer(PandasCodec.encode_request(frame(), use_bytes=False), model)
        predict = next(each for each in response.outputs if each.name == "predict")
        same(list(predict.data), setup.answers[model]["whole"], "predict")


@checks.check("PandasCodec with gaps: NaN among numbers (written as null), the empty text elsewhere")
def gaps() -> None:
    # The codec accepts no None among texts.
    data = frame("asked")
    for name in ("joined", "city", "note", "member"):
        cells = ["" if cell is None else str(cell) for cell in data[name]]
        data[name] = pd.Series(cells, dtype=object)
    response = infer(PandasCodec.encode_request(data, use_bytes=False))
    predict = next(each for each in response.outputs if each.name == "predict")
    same(list(predict.data), setup.answers["churn"]["asked"], "predict")


@checks.check("NumpyRequestCodec: a matrix for an all-numeric model")
def matrix() -> None:
    response = infer(NumpyRequestCodec.encode_request(np.array([[1.0, 2.0], [3.0, 4.0]])), "article")
    same(list(response.outputs[0].data), [-0.4, 1.2], "predict")


@checks.check("PandasCodec.decode_response of the answer")
def decoded() -> None:
    request = PandasCodec.encode_request(frame(), use_bytes=False)
    wanted = [{"name": "predict"}]
    request.outputs = InferenceRequest.model_validate({"inputs": [], "outputs": wanted}).outputs
    found = PandasCodec.decode_response(infer(request))
    same(found["predict"].tolist(), setup.answers["churn"]["whole"], "predict")


checks.run()
