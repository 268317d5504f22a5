from __future__ import annotations

from typing import Any

import orjson


class JSONCacheSerializer:
    """What Redis keeps for Django's cache, as JSON: nothing that is read back can run code."""

    def dumps(self, value: Any) -> bytes | int:
        # Integers stay integers, so that Redis can count them up by itself.
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        return orjson.dumps(value)

    def loads(self, data: bytes) -> Any:
        return orjson.loads(data)
