"""Tensors of the Open Inference Protocol V2: decoded from JSON and raw bytes to lists of values, and encoded.

The specification is `open_inference_rest.yaml` of kserve/open-inference-protocol with Triton's extensions
"binary tensor data" and "classification".
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from ...errors import InvalidInput, Problem, quoted, quoted_list
from ...http.prediction_request import require_few_columns
from ...ml.types.column_names import clean_name, repeated_names
from ..parameters import check_tensor_parameters

# The format characters of `struct`; BYTES has an encoding of its own, see `_texts`.
LETTERS = {
    "BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q",
    "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q", "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip
DATATYPES = (*LETTERS, "BYTES")
INTEGERS = frozenset(name for name in LETTERS if "INT" in name)
FLOATS = frozenset({"FP16", "FP32", "FP64"})
MOST_DIMENSIONS = 8


@dataclass(frozen=True)
class Tensor:
    """A tensor with its values in row-major order; a missing value is `None`."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Sequence[Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)


def read_tensors(inputs: Any, raw: memoryview) -> list[Tensor]:
    """The tensors of `inputs`; those without `data` take their bytes from `raw`, in order. Raises InvalidInput."""
    if not isinstance(inputs, list) or not inputs:
        raise InvalidInput('"inputs" has to be a list of tensors.', problems=[Problem("Wrong.", "/inputs")])
    require_few_columns(len(inputs), "/inputs")
    tensors, start = [], 0
    for index, document in enumerate(inputs):
        name, datatype, shape = _head(document, index)
        parameters = document.get("parameters") or {}
        if not isinstance(parameters, Mapping):
            raise InvalidInput(f"The parameters of input {quoted(name)} have to be an object.")
        if parameters:
            check_tensor_parameters(parameters, f"The input {quoted(name)}")
        n_bytes = parameters.get("binary_data_size")
        if n_bytes is not None:
            if isinstance(n_bytes, bool) or not isinstance(n_bytes, int) or n_bytes < 0:
                raise InvalidInput(f"binary_data_size of input {quoted(name)} has to be a number of bytes.")
            part = raw[start : start + n_bytes]
            if len(part) != n_bytes:
                raise InvalidInput(f"The body ends before the {n_bytes} bytes of input {quoted(name)}.")
            start += n_bytes
            data: Sequence[Any] = _from_bytes(part, name, datatype, math.prod(shape))
        else:
            data = _from_json(document.get("data"), name, datatype, len(shape))
        if len(data) != math.prod(shape):
            raise InvalidInput(
                f"Input {quoted(name)} holds {len(data)} values, but its shape {list(shape)} "
                f"says {math.prod(shape)}."
            )
        tensors.append(Tensor(name, datatype, shape, data))
    if start != len(raw):
        raise InvalidInput(f"{len(raw) - start} bytes after the last tensor belong to no input.")
    if repeated := sorted(repeated_names(each.name for each in tensors)):
        raise InvalidInput(f"Inputs are named more than once: {quoted_list(repeated)}.")
    return tensors


def _head(document: Any, index: int) -> tuple[str, str, tuple[int, ...]]:
    if not isinstance(document, Mapping):
        raise InvalidInput(
            f"Input {index} is not an object.", problems=[Problem("Wrong.", f"/inputs/{index}")]
        )
    name, datatype, shape = document.get("name"), document.get("datatype"), document.get("shape")
    if not isinstance(name, str) or not name:
        raise InvalidInput(f"Input {index} has no name.")
    if datatype not in DATATYPES:
        raise InvalidInput(
            f"Input {quoted(name)} has the datatype {quoted(datatype)}; known are {', '.join(DATATYPES)}."
        )
    if (
        not isinstance(shape, list)
        or not 1 <= len(shape) <= MOST_DIMENSIONS
        or not all(type(each) is int and 0 <= each < 2**31 for each in shape)
    ):
        raise InvalidInput(f"The shape of input {quoted(name)} has to be a list of sizes, such as [2, 1].")
    return name, datatype, tuple(shape)


def _from_json(data: Any, name: str, datatype: str, n_dimensions: int) -> Sequence[Any]:
    if not isinstance(data, list):
        raise InvalidInput(f"Input {quoted(name)} has no data: send a list, or its bytes after the JSON.")
    for _ in range(n_dimensions - 1):
        if not data or not isinstance(data[0], list):
            break
        if not all(isinstance(each, list) for each in data):
            raise InvalidInput(f"The data of input {quoted(name)} is nested unevenly.")
        data = list(chain.from_iterable(data))
    wrong = set(map(type, data)) - _types(datatype)
    if wrong:
        value = next(each for each in data if type(each) in wrong)
        whole = datatype in INTEGERS and isinstance(value, float)
        if not (whole and all(each is None or float(each).is_integer() for each in data)):
            raise InvalidInput(f"{quoted(value)} in input {quoted(name)} is not {datatype}.")
    if datatype == "BOOL":
        return [each if each is None else bool(each) for each in data]
    return data


def _types(datatype: str) -> set[type]:
    if datatype == "BYTES":
        return {str, type(None)}
    if datatype == "BOOL":
        return {bool, int, type(None)}
    return {int, type(None)} if datatype in INTEGERS else {int, float, type(None)}


def _from_bytes(raw: memoryview, name: str, datatype: str, n_values: int) -> Sequence[Any]:
    if datatype == "BYTES":
        return _texts(raw, name)
    letter = LETTERS[datatype]
    size = struct.calcsize(f"<{letter}")
    if len(raw) != n_values * size:
        raise InvalidInput(
            f"Input {quoted(name)} holds {len(raw)} bytes; {n_values} values of {datatype} take {n_values * size}."
        )
    return struct.unpack(f"<{n_values}{letter}", raw)


def _texts(raw: memoryview, name: str) -> list[str]:
    """The texts of a BYTES tensor: each is its length (4 bytes, little-endian) and its UTF-8 bytes."""
    texts, offset = [], 0
    while offset < len(raw):
        if offset + 4 > len(raw):
            raise InvalidInput(f"The bytes of input {quoted(name)} end within a length.")
        (n_bytes,) = struct.unpack_from("<I", raw, offset)
        offset += 4
        if offset + n_bytes > len(raw):
            raise InvalidInput(f"The bytes of input {quoted(name)} end within a text.")
        try:
            texts.append(str(raw[offset : offset + n_bytes], "utf-8"))
        except UnicodeDecodeError:
            raise InvalidInput(f"Text {len(texts) + 1} of input {quoted(name)} is not UTF-8.") from None
        offset += n_bytes
    return texts


def rows_of(
    tensors: Sequence[Tensor], names: Sequence[str], *, are_all_numeric: bool
) -> list[dict[str, Any]]:
    """Rows {column: value}: one tensor [N] or [N, 1] for each column, or one numeric tensor [N, K] for all.

    `names`: the features in the order of the signature. Raises InvalidInput.
    """
    first = tensors[0]
    is_column = first.name in names or clean_name(first.name) in names
    if len(tensors) == 1 and not is_column and are_all_numeric and first.datatype != "BYTES":
        return _rows_of_matrix(first, names)
    n_rows = first.shape[0]
    for each in tensors:
        if each.shape not in ((n_rows,), (n_rows, 1)):
            raise InvalidInput(
                f"Input {quoted(each.name)} has the shape {list(each.shape)}; "
                f"each column takes [{n_rows}] or [{n_rows}, 1]."
            )
    keys = [each.name for each in tensors]
    cells: Iterable[tuple[Any, ...]] = zip(*(each.data for each in tensors), strict=True)
    return [dict(zip(keys, row, strict=True)) for row in cells]


def _rows_of_matrix(tensor: Tensor, names: Sequence[str]) -> list[dict[str, Any]]:
    width = len(names)
    shape = tensor.shape if len(tensor.shape) > 1 or width > 1 else (*tensor.shape, 1)
    if len(shape) != 2 or shape[1] != width:
        raise InvalidInput(
            f"Input {quoted(tensor.name)} has the shape {list(tensor.shape)}; the model takes [N, {width}] with "
            f"its features in order ({quoted_list(names, 20)}), or one tensor for each, under its name."
        )
    data = tensor.data
    starts = range(0, len(data), width)
    return [dict(zip(names, data[start : start + width], strict=True)) for start in starts]


def written(tensor: Tensor, *, is_binary: bool) -> tuple[dict[str, Any], bytes]:
    """Encode a tensor: its JSON, and its bytes where `is_binary`. Integers with missing values stay in the JSON."""
    head: dict[str, Any] = {
        "name": tensor.name,
        "datatype": tensor.datatype,
        "shape": list(tensor.shape),
    }
    if tensor.parameters:
        head["parameters"] = dict(tensor.parameters)
    raw = as_bytes(tensor) if is_binary else None
    if raw is None:
        return {**head, "data": list(tensor.data)}, b""
    head["parameters"] = {**tensor.parameters, "binary_data_size": len(raw)}
    return head, raw


def as_bytes(tensor: Tensor) -> bytes | None:
    """The raw bytes of a tensor, row-major and little-endian; a missing value is NaN or the empty text.

    None for integers and booleans with missing values: these cannot be encoded.
    """
    if tensor.datatype == "BYTES":
        texts = ["" if each is None else str(each) for each in tensor.data]
        return b"".join(struct.pack("<I", len(raw)) + raw for raw in (text.encode() for text in texts))
    data = tensor.data
    if any(each is None for each in data):
        if tensor.datatype not in FLOATS:
            return None
        data = [math.nan if each is None else each for each in data]
    return struct.pack(f"<{len(data)}{LETTERS[tensor.datatype]}", *data)
