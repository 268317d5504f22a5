"""A version's files as a browser reads them: what JavaScript cannot hold or would compute otherwise comes as data."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from .date_steps import CYCLES
from .uncertainty import DEFAULT_COVERAGE, Uncertainty


def browser_spec(spec: bytes) -> dict[str, Any]:
    """spec.json, with moments as text (they pass 2**53), sines as tables and the exceptions of case folding."""
    data: dict[str, Any] = json.loads(spec)
    for step in data["features"]["steps"]:
        if step["kind"] == "datetime":
            step["origin"] = str(step["origin"])
            step["fill"] = None if step["fill"] is None else str(step["fill"])
            step["waves"] = [
                {"part": part, "table": wave(2 * np.pi * np.arange(CYCLES[part] + 1) / CYCLES[part]).tolist()}
                for part in step["cyclic"]
                for wave in (np.sin, np.cos)
            ]
        elif step["kind"] == "text":
            step["folding"] = case_folding()
    return data


def browser_golden(golden: bytes) -> dict[str, Any]:
    """golden.json, with moments as text."""
    data: dict[str, Any] = json.loads(golden)
    for column in data["rows"].values():
        if column["kind"] == "moment":
            column["cells"] = [None if cell is None else str(cell) for cell in column["cells"]]
    return data


def browser_uncertainty(uncertainty: bytes | None) -> Mapping[str, Any] | None:
    """What the page needs for an interval or a set of the usual coverage."""
    if uncertainty is None:
        return None
    found = Uncertainty.from_json(json.loads(uncertainty))
    if found.task.is_classification:
        return {"coverage": DEFAULT_COVERAGE, "least": found.least_probability(DEFAULT_COVERAGE)}
    below, above = found.margins(DEFAULT_COVERAGE)
    return {
        "coverage": DEFAULT_COVERAGE,
        "edges": list(found.edges),
        "below": below.tolist(),
        "above": above.tolist(),
        "floor": found.floor,
    }


@cache
def case_folding() -> dict[str, str]:
    """The letters whose folded form is not their lower case: about 300."""
    every = map(chr, range(sys.maxunicode + 1))
    return {
        letter: letter.casefold()
        for letter in every
        if letter.casefold() != letter.lower() and not "\ud800" <= letter <= "\udfff"
    }
