"""Fields of notes and tags in requests and responses."""

from __future__ import annotations

from rest_framework import serializers

from ..models.labels import MAX_NOTE, MAX_TAG, MAX_TAGS


def tags_field(required: bool = False) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=MAX_TAG),
        max_length=MAX_TAGS,
        required=required,
        help_text="Short words to filter by, in lower case.",
    )


def note_field() -> serializers.CharField:
    return serializers.CharField(
        max_length=MAX_NOTE, required=False, allow_blank=True, help_text="Plain text for people."
    )


def tag_list() -> serializers.ListField:
    """Tags in a response."""
    return serializers.ListField(
        child=serializers.CharField(),
        source="tag_list",
        read_only=True,
        help_text="Short words to filter by.",
    )
