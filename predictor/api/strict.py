"""Serializers of request bodies: they refuse what they do not know, together with all other faults."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from rest_framework import serializers

from ..http.known_names import LONGEST_COMPARED, MOST_NAMED, fault_of, unknown_names


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer that refuses unknown names."""

    def to_internal_value(self, data: Any) -> Any:
        faults = self._unknown(data)
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if not faults or not isinstance(error.detail, dict):
                raise
            raise serializers.ValidationError({**error.detail, **faults}) from None
        if faults:
            raise serializers.ValidationError(faults)
        return value

    def _unknown(self, data: Any) -> dict[str, list[str]]:
        if not isinstance(data, dict):
            return {}
        unknown = unknown_names(data, self.fields)
        faults = {name[:LONGEST_COMPARED]: [fault_of(name, self.fields)] for name in unknown[:MOST_NAMED]}
        if len(unknown) > MOST_NAMED:
            faults["non_field_errors"] = [f"{len(unknown) - MOST_NAMED:,} more names are not known."]
        return faults


class StrictSerializerExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """The OpenAPI document says that there are no other names."""

    target_class = StrictSerializer
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**schema, "additionalProperties": False} if direction == "request" else schema
