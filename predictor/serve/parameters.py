"""Names in the requests of protocols: ours, those of the protocol, and others.

Clients of other servers send parameters that mean nothing here. Those of the protocol are ignored, as its own servers
do for a model that has no use for them. A name that is nearly one of ours is refused: it was meant for us. All others
are ignored, and the response names them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Any

from ..errors import InvalidInput, quoted_list
from ..http.known_names import MOST_NAMED, nearest, refuse_unknown, unknown_names

PARAMETERS = ("explain", "coverage", "strict")
# The key under which a response names the parameters that it ignored.
IGNORED = "ignored_parameters"
IN_PARAMETERS = "belongs into “parameters”"
# More names are not compared with ours; who sends so many did not misspell one.
MOST_COMPARED = 50

# Triton's parameters of a request (its sequence, priority and binary data extensions), and those of MLServer.
OF_V2 = frozenset(
    {"sequence_id", "sequence_start", "sequence_end", "priority", "timeout", "binary_data_output",
     "triton_enable_empty_final_response", "content_type", "headers"}
)  # fmt: skip
SHARED_MEMORY = frozenset({"shared_memory_region", "shared_memory_offset", "shared_memory_byte_size"})
TENSOR_PARAMETERS = ("binary_data", "binary_data_size", "classification")
OF_TENSORS = frozenset({"content_type", "headers"})
BODY_OF_V2, ALSO_IN_V2 = ("id", "parameters", "inputs", "outputs"), frozenset({"model_name", "model_version"})
BODY_OF_V1, ALSO_IN_V1 = ("instances", "parameters"), frozenset({"signature_name"})


def ignored_parameters(parameters: Any, of_protocol: Collection[str] = ()) -> list[str]:
    """The names in `parameters` that have no meaning here; raises InvalidInput for a misspelt option."""
    if not isinstance(parameters, Mapping):
        return []
    return without_meaning(parameters, PARAMETERS, of_protocol, "/parameters/")


def check_body(body: Mapping[str, Any], known: Collection[str], of_protocol: Collection[str]) -> None:
    """Raises InvalidInput for a misspelt member of the body, and for an option beside “parameters”."""
    if outside := [name for name in PARAMETERS if name in body]:
        refuse_unknown(outside, known, others=PARAMETERS, hint=IN_PARAMETERS)
    without_meaning(body, known, of_protocol, "/")


def check_query(names: Iterable[str]) -> None:
    """Raises InvalidInput for options in the query string: the protocols have them in the body alone."""
    if options := [name for name in islice(names, MOST_COMPARED) if nearest(name, PARAMETERS)]:
        raise InvalidInput(
            f"Options belong into the body, in “parameters” (for MLflow “params” of its JSON), not into the address: "
            f"{quoted_list(options)}."
        )


def check_tensor_parameters(parameters: Mapping[str, Any], what: str) -> None:
    """Raises InvalidInput for a misspelt parameter of an input or output, and for shared memory."""
    if SHARED_MEMORY & parameters.keys():
        raise InvalidInput(f"{what} uses shared memory, which is not supported; send and read data instead.")
    without_meaning(parameters, TENSOR_PARAMETERS, OF_TENSORS, "/parameters/")


def without_meaning(
    sent: Mapping[str, Any], known: Collection[str], of_protocol: Collection[str], pointer: str
) -> list[str]:
    """The sent names that nobody knows, at most MOST_NAMED; raises InvalidInput for one that is nearly a known one."""
    unknown = unknown_names((name for name in sent if name not in of_protocol), known)
    refuse_unknown([name for name in unknown[:MOST_COMPARED] if nearest(name, known)], known, pointer=pointer)
    return unknown[:MOST_NAMED]
