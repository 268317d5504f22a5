"""Names that clients of other servers send: those of the protocol, misspelt ones of ours, and others."""

from __future__ import annotations

from typing import Any

import pytest

from predictor.models import RegisteredModel
from predictor.tests.serve.conftest import Wire
from predictor.tests.serve.test_faces import tensors
from predictor.tests.web.served_versions import ROW

INFER, PREDICT, INVOKE = "v2/models/churn/infer", "v1/models/churn:predict", "models/churn/invocations"
# What tritonclient 2.73 sends with `sequence_id=…, priority=…, timeout=…`, and MLServer's clients beside it.
OF_TRITON = {
    "sequence_id": 7, "sequence_start": True, "sequence_end": False, "priority": 1, "timeout": 500,
    "content_type": "pd",
}  # fmt: skip

pytestmark = pytest.mark.usefixtures("model")


def test_parameters_of_triton_are_ignored_as_triton_does_for_a_model_without_sequences(wire: Wire) -> None:
    answer = wire.post(INFER, {"inputs": tensors(ROW), "parameters": OF_TRITON, "model_name": "churn"})

    assert answer.status_code == 200
    assert "parameters" not in answer.json()


def test_other_parameters_are_ignored_and_named(wire: Wire) -> None:
    v2 = wire.post(INFER, {"inputs": tensors(ROW), "parameters": {"tenant": "x", "hop": 3, "timeout": 1}})
    v1 = wire.post(
        PREDICT, {"instances": [ROW], "parameters": {"tenant": "x"}, "signature_name": "serving_default"}
    )

    assert (v2.status_code, v2.json()["parameters"]) == (200, {"ignored_parameters": "hop, tenant"})
    assert (v1.status_code, v1.json()["ignored_parameters"]) == (200, ["tenant"])


@pytest.mark.parametrize("name", ["explian", "Explain", "coverge", "stric"])
def test_a_misspelt_option_is_refused_with_its_name(wire: Wire, name: str) -> None:
    bodies: list[tuple[str, Any]] = [
        (INFER, {"inputs": tensors(ROW), "parameters": {name: True}}),
        (PREDICT, {"instances": [ROW], "parameters": {name: True}}),
        (INVOKE, {"instances": [ROW], "params": {name: True}}),
    ]
    for path, body in bodies:
        answer = wire.post(path, body)

        assert answer.status_code == 400, path
        assert f"“{name}” is not known; did you mean “" in answer.content.decode()


def test_mlflow_refuses_all_names_that_are_not_known(wire: Wire) -> None:
    answer = wire.post(INVOKE, {"instances": [ROW], "params": {"tenant": 1}})

    assert answer.status_code == 400
    assert "“tenant” is not known; known are “coverage”, “explain”, “strict”." in answer.json()["message"]


@pytest.mark.parametrize("body", [{"explain": True}, {"params": {"explain": True}}, {"parameter": {}}])
def test_an_option_at_the_wrong_place_is_refused(wire: Wire, body: dict[str, Any]) -> None:
    for path, rows in ((INFER, {"inputs": tensors(ROW)}), (PREDICT, {"instances": [ROW]})):
        answer = wire.post(path, {**rows, **body})

        assert answer.status_code == 400
        assert "“parameters”" in answer.json()["error"]


def test_options_in_the_address_are_refused_and_other_names_are_not(wire: Wire) -> None:
    refused = wire.post(f"{PREDICT}?explain=true", {"instances": [ROW]})

    assert refused.status_code == 400
    assert "not into the address: “explain”" in refused.json()["error"]
    assert wire.post(f"{PREDICT}?trace=1", {"instances": [ROW]}).status_code == 200


def test_shared_memory_is_refused_where_its_client_would_read_nothing(wire: Wire) -> None:
    region = {"shared_memory_region": "r", "shared_memory_byte_size": 8}
    outputs = [{"name": "predict", "parameters": region}]
    (first, *rest) = tensors(ROW)
    of_output = wire.post(INFER, {"inputs": tensors(ROW), "outputs": outputs})
    of_input = wire.post(INFER, {"inputs": [{**first, "parameters": region}, *rest]})

    for answer in (of_output, of_input):
        assert answer.status_code == 400
        assert "shared memory, which is not supported" in answer.json()["error"]


def test_a_misspelt_parameter_of_an_output_is_refused(wire: Wire) -> None:
    outputs = [{"name": "predict_proba", "parameters": {"classfication": 1}}]

    answer = wire.post(INFER, {"inputs": tensors(ROW), "outputs": outputs})

    assert answer.status_code == 400
    assert "did you mean “classification”?" in answer.json()["error"]


def test_of_many_names_few_are_compared_and_few_are_named(
    wire: Wire, model: RegisteredModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    monkeypatch.setattr("predictor.serve.parameters.nearest", lambda name, known: compared.append(name) or "")

    many = {f"zz{number:05}": 1 for number in range(5_000)}
    answer = wire.post(PREDICT, {"instances": [ROW], "parameters": many})

    assert answer.status_code == 200
    assert len(answer.json()["ignored_parameters"]) == 5
    assert len(compared) <= 50
