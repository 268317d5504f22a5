"""Download of the ONNX file of a version, with metadata."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import Conflict
from ...ml.persistence.version_files import ONNX, SPEC
from ...models import ModelVersion

CHUNK = 1 << 20


@dataclass(frozen=True)
class OnnxFile:
    """The ONNX graph of a version, with signature and feature specification in its `metadata_props`."""

    filename: str
    path: Path
    tail: bytes

    @property
    def n_bytes(self) -> int:
        return self.path.stat().st_size + len(self.tail)

    def chunks(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
        yield self.tail

    def read(self) -> bytes:
        return b"".join(self.chunks())


def onnx_download(version: ModelVersion) -> OnnxFile:
    """The version's ONNX file. Raises Conflict when it is served in-process, without ONNX."""
    from .. import artifacts

    if ONNX not in version.artifacts:
        raise Conflict(
            f"Version {version.number} is served in-process by scikit-learn: "
            "it has no ONNX form that agrees with it."
        )
    model = version.registered_model
    properties = {
        "mlweb.model": model.slug,
        "mlweb.version": str(version.number),
        "mlweb.signature": json.dumps(version.signature_json, ensure_ascii=False),
        "mlweb.spec": artifacts.verified_path(version.artifacts[SPEC]["digest"]).read_text("utf-8"),
        "mlweb.libraries": json.dumps(version.libraries),
    }
    return OnnxFile(
        filename=f"{model.slug}-{version.number}.onnx",
        path=artifacts.verified_path(version.artifacts[ONNX]["digest"]),
        tail=_metadata(properties),
    )


def _metadata(properties: dict[str, str]) -> bytes:
    """A ModelProto with metadata only, to be appended to the stored graph.

    Protocol Buffers merge concatenated messages and append their repeated fields. So the stored graph followed by
    these bytes is the graph with metadata, and the graph need not be parsed.
    """
    import onnx

    model = onnx.ModelProto()
    for key, value in properties.items():
        model.metadata_props.add(key=key, value=value)
    return bytes(model.SerializeToString())
