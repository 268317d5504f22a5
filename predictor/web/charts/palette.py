"""Colours by place: the same class has the same colour in all charts and lists of a model, and so has a version.

A slot is a number from 1 to 16. Slots 9 to 16 repeat the colours of 1 to 8 with another pattern of lines and shape of
points. The colours are `--chart-1` to `--chart-8` in `static/mlweb/css/charts.css`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

N_COLOURS = 8
N_SLOTS = 2 * N_COLOURS


def slot_of_place(place: int) -> int:
    return place % N_SLOTS + 1


def slot_of_class(name: Any, classes: Sequence[Any]) -> int:
    """The slot of a class, by its place in the version's list of classes; 1 for a name that is not in it."""
    return slot_of_place(next((place for place, each in enumerate(classes) if str(each) == str(name)), 0))


def slot_of_version(number: int) -> int:
    return slot_of_place(number - 1)


def slot_classes(slot: int) -> str:
    """The CSS classes of a mark: its colour, and `is-second` for a slot that repeats one."""
    colour = (slot - 1) % N_COLOURS + 1
    return f"slot-{colour} is-second" if (slot - 1) % N_SLOTS >= N_COLOURS else f"slot-{colour}"
