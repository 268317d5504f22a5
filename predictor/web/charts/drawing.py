"""What all drawings share: the outer element with its title and description, and the room at the left."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from .markup import element, pixels, text_width

RIGHT = 14
EDGE = 0.04
# The rooms at the left for which charts.css has a class: 24, 32, … pixels.
LEFT_STEP = 8
MIN_LEFT, MAX_LEFT = 24, 136


@dataclass(frozen=True)
class Drawing:
    """The SVG, and what the script needs to draw it again for a part of its axes: None for a drawing without zoom."""

    svg: str
    document: Mapping[str, Any] | None = None


def left_room(labels: Sequence[str]) -> int:
    """The room that labels at the left need, in pixels."""
    widest = max((text_width(label) for label in labels), default=0.0) + 12
    return min(MAX_LEFT, max(MIN_LEFT, math.ceil(widest / LEFT_STEP) * LEFT_STEP))


def framed(
    parts: Sequence[str],
    *,
    left: int,
    height: float,
    title: str,
    id: str,  # noqa: A002 - the HTML attribute
    description: str = "",
) -> str:
    """The outer element. Its padding is the room for labels at the left, so that 0 to 100 % is the plot."""
    words = element("title", escape(title), id=f"{id}-chart-title")
    if description:
        words += element("desc", escape(description), id=f"{id}-chart-desc")
    return element(
        "svg",
        words,
        *parts,
        class_=f"plot plot-left-{left}",
        width="100%",
        height=pixels(height),
        role="img",
        focusable="false",
        aria_labelledby=f"{id}-chart-title",
        aria_describedby=f"{id}-chart-desc" if description else None,
        data_left=left,
    )
