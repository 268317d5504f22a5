from __future__ import annotations

from typing import Any

import orjson


class JSONCacheSerializer:
    """JSON serialization for Django's Redis cache: unlike pickle, reading it cannot run code."""

    def dumps(self, value: Any) -> bytes | int:
        # Integers stay integers, so that Redis can increment them (INCR).
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        return orjson.dumps(value)

    def loads(self, data: bytes) -> Any:
        return orjson.loads(data)
