from __future__ import annotations

from rest_framework import parsers, renderers


class JSONRenderer(renderers.JSONRenderer):
    """Answers as JSON."""


class JSONParser(parsers.JSONParser):
    """Reads JSON bodies."""
