"""Registered models: versions, aliases, comparison, decision thresholds, model cards, downloads."""

from .registry import (
    archive,
    compare,
    get_or_create_model,
    history,
    model_of,
    onnx_download,
    publish,
    publish_with_threshold,
    register_linear,
    remove_alias,
    roll_back,
    serving_version,
    set_alias,
    unarchive,
    update_model,
    version_of,
)

__all__ = [
    "archive",
    "compare",
    "get_or_create_model",
    "history",
    "model_of",
    "onnx_download",
    "publish",
    "publish_with_threshold",
    "register_linear",
    "remove_alias",
    "roll_back",
    "serving_version",
    "set_alias",
    "unarchive",
    "update_model",
    "version_of",
]
