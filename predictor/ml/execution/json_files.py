"""Files that are written atomically: whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_bytes(path: Path, content: bytes) -> None:
    """Write to a temporary name, sync to disk, rename."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a JSON document atomically. Raises ValueError for NaN and infinity, which JSON cannot hold."""
    write_bytes(path, json.dumps(data, allow_nan=False).encode())
