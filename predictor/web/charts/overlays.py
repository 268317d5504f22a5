"""Curves of several versions in one chart, each version in its colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from .chart import Chart
from .palette import slot_of_version

MAX_GROUPS = 10


@dataclass(frozen=True)
class SeriesGroup:
    """The series of one version: dicts with `name` and `points`. `number` gives the colour."""

    name: str
    number: int
    series: Sequence[Mapping[str, Any]]


def overlaid(groups: Sequence[SeriesGroup], *, chart: Chart) -> Chart:
    """`chart` (a line or a scatter chart, for its axes and words) with the series of all groups.

    A group's series have its colour; the second and later of them are dashed. Their names begin with the group's where
    a group has several. Raises ValueError for more than MAX_GROUPS groups.
    """
    if len(groups) > MAX_GROUPS:
        raise ValueError(
            _("At most %(most)s versions can be drawn over each other, not %(n)s.")
            % {"most": MAX_GROUPS, "n": len(groups)}
        )
    series = [
        {
            **each,
            "name": group.name
            if len(group.series) == 1
            else f"{group.name}, {each.get('name') or place + 1}",
            "slot": slot_of_version(group.number),
            "dashed": bool(each.get("dashed")) or place > 0,
        }
        for group in groups
        for place, each in enumerate(group.series)
    ]
    return Chart(
        chart.id,
        chart.kind,
        {**chart.data, "series": series},
        chart.title,
        chart.label,
        chart.meaning,
        chart.size,
    )
