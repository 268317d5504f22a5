"""Portable exports of a version: an HTML page that predicts offline, and a zip that predicts without mlweb."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from ...errors import Conflict
from ...ml.persistence.version_files import FORECAST, GOLDEN, ONNX, SPEC, UNCERTAINTY, content_of
from ...models import ModelVersion

FOLDER = settings.BASE_DIR / "predictor" / "portable"
SCRIPTS = ("graph.js", "features.js", "cells.js", "answers.js", "page.js")
SIGNATURE, MANIFEST, RUNNER = "signature.json", "manifest.json", "predict.py"
# The texts of the page's HTML, by their names in it.
LABELS = {
    "unpacking": "Unpacking and checking the model …",
    "scripts": "This page computes with JavaScript, which is switched off here.",
    "row": "One row",
    "predict": "Predict",
    "answer": "Answer",
    "nothing": "Nothing was asked yet.",
}
# Those that its scripts show: what stands in `say("…")`, and what cells.js throws or remarks.
TEXTS = (
    "Yes", "No", "Missing", "%(low)s to %(high)s", "%(n)s categories", "free text", "never missing",
    "One of the values cannot be used; it is marked.",
    "The model gave no finite answer for this row.",
    "Less usual than %(percent)s % of rows like those of training",
    "%(low)s to %(high)s in %(percent)s of 100 cases",
    "Come into question: %(answers)s",
    "The model is less sure of this row than of most rows that it predicts right.",
    "Checked: this browser gives the stored answers for %(n)s rows (largest relative difference: %(difference)s).",
    "This page will not predict. %(reason)s",
    "The model in this file is not the one it was made with.",
    "This browser computes other answers than those that were stored with the model.",
    "this is neither true nor false", "training had no such value", "this is not a number",
    "no value; training had one in every row", "far outside of what training saw",
    "this is not a date such as 2024-05-31 or 2024-05-31T14:30", "there is no such day or time",
)  # fmt: skip
# A browser holds the page's text, the decompressed bytes and the tensors at once: about five times the model.
MAX_PAGE_MODEL_BYTES = 64 * 1024 * 1024
# The earliest time that zip can store; a constant, so that the same version gives the same bytes.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class PortableFile:
    """A file for download, in memory."""

    filename: str
    content_type: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def offline_page(
    version: ModelVersion, *, language: str = "en", say: Callable[[str], str] = str
) -> PortableFile:
    """The offline HTML page; `say` translates its texts.

    Raises Conflict for a version without ONNX, or with a model too large for a page.
    """
    from ...ml.persistence import portable

    files = _files(version)
    if len(files[ONNX]) > MAX_PAGE_MODEL_BYTES:
        raise Conflict(
            f"The model of version {version.number} takes {len(files[ONNX]):,} bytes; "
            f"a page holds up to {MAX_PAGE_MODEL_BYTES:,}. Take the zip instead."
        )
    data = {
        "signature": portable.browser_signature(version.signature_json),
        "class_names": list(version.signature.class_texts or version.signature.class_names),
        "spec": portable.browser_spec(files[SPEC]),
        "golden": portable.browser_golden(files[GOLDEN]),
        "uncertainty": portable.browser_uncertainty(files.get(UNCERTAINTY)),
        "digest": version.artifacts[ONNX]["digest"],
        "words": {text: said for text in TEXTS if (said := say(text)) != text},
    }
    packed = gzip.compress(files[ONNX], 9, mtime=0)
    target, n = version.signature.target, len(version.signature.fields)
    lead = (
        say("Predicts %(target)s from %(n)s columns. This file needs no network and sends nothing.")
        if target
        else say("Answers from %(n)s columns. This file needs no network and sends nothing.")
    )
    foot = say("%(estimator)s, made on %(date)s. SHA-256 of the model: %(digest)s")
    name = say("%(model)s, version %(number)s")
    made = {
        "estimator": version.estimator,
        "date": version.created_at.date(),
        "digest": version.artifacts[ONNX]["digest"],
    }
    page = _filled(
        language=html.escape(language),
        title=html.escape(name % {"model": version.registered_model.name, "number": version.number}),
        lead=html.escape(lead % {"target": target, "n": n}),
        foot=html.escape(foot % made),
        **{label: html.escape(say(text)) for label, text in LABELS.items()},
        data=_as_script(data),
        model=base64.b64encode(packed).decode(),
    )
    return PortableFile(f"{_stem(version)}.html", "text/html; charset=utf-8", page.encode())


def bundle(version: ModelVersion) -> PortableFile:
    """The zip with `predict.py`. Raises Conflict for a version without ONNX."""
    from ...ml.persistence import portable

    files = _files(version)
    contents = {
        SPEC: _json(portable.runner_spec(files[SPEC], version.signature)),
        GOLDEN: _json(portable.runner_golden(files[GOLDEN])),
        SIGNATURE: _json(version.signature_json),
        ONNX: files[ONNX],
    }
    manifest = {
        "model": version.registered_model.slug,
        "version": version.number,
        "estimator": version.estimator,
        "dataset_sha256": version.dataset_sha256,
        "libraries": version.libraries,
        "metrics": version.metrics,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in {
            **contents,
            MANIFEST: _json(manifest),
            RUNNER: (FOLDER / RUNNER).read_bytes(),
            "requirements.txt": b"numpy\nonnxruntime\n",
        }.items():
            file.writestr(
                zipfile.ZipInfo(f"{_stem(version)}/{name}", ZIP_TIME), content, zipfile.ZIP_DEFLATED
            )
    return PortableFile(f"{_stem(version)}.zip", "application/zip", packed.getvalue())


def _files(version: ModelVersion) -> dict[str, bytes]:
    """The stored files for the export, with checked digests. Raises Conflict when it cannot be exported."""
    from .. import artifacts

    if ONNX not in version.artifacts:
        raise Conflict(
            f"Version {version.number} is served in-process by scikit-learn: it has no ONNX form that agrees "
            "with it, so it cannot be exported."
        )
    if FORECAST in version.artifacts:
        raise Conflict(
            f"Version {version.number} forecasts: its predictions start from the latest rows, which stay on the "
            "server, so it cannot be exported."
        )
    digests = {name: entry["digest"] for name, entry in version.artifacts.items()}
    paths = {name: artifacts.path_of(digest) for name, digest in digests.items()}
    return {
        name: content_of(paths, name, digests) for name in (SPEC, ONNX, GOLDEN, UNCERTAINTY) if name in paths
    }


def _filled(**parts: str) -> str:
    """The page template with its parts filled in. Its Content-Security-Policy allows only its own script and style."""
    script = "\n".join(['"use strict";', *((FOLDER / name).read_text("utf-8") for name in SCRIPTS)])
    style = (FOLDER / "page.css").read_text("utf-8")
    none = dict.fromkeys(("default-src", "base-uri", "form-action"), "'none'")
    sources = {**none, "script-src": _hash(script), "style-src": _hash(style)}
    policy = "; ".join(f"{name} {each}" for name, each in sources.items())
    parts = {**parts, "script": script, "style": style, "policy": policy}
    skeleton = (FOLDER / "page.html").read_text("utf-8")
    pieces = []
    for piece in skeleton.split("{"):
        name, closed, rest = piece.partition("}")
        pieces.append(parts[name] + rest if closed else piece)
    return "".join(pieces)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _as_script(data: Mapping[str, Any]) -> str:
    """JSON for a <script> element, escaped so that no column name can close the element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, allow_nan=False, indent=1).encode()


def _stem(version: ModelVersion) -> str:
    return f"{version.registered_model.slug}-{version.number}"
