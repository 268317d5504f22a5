"""Portable form of a version's files, for the offline page (JavaScript) and for predict.py in the zip.

The page gets as data what JavaScript cannot represent or would compute differently. predict.py gets tables and
constants, so that its code stays short.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calibration.conformal import DEFAULT_COVERAGE, ConformalIntervals
from ..features.date_steps import CYCLES, DatetimeStep
from ..features.feature_spec import FeatureSpec
from ..features.step import Step
from ..features.tabular_steps import NumberStep
from ..features.text_steps import TOKEN, TextStep
from ..inputs.value_readers import DATE, FALSE_TEXTS, MISSING_TEXTS, NUMBER, TRUE_TEXTS, are_typed, have_codes
from ..types.reading import Reading
from ..types.schema import FeatureField, Role, Signature

# The parts of a date by their names in Python's `time.struct_time`.
TIMETUPLE = {
    "year": "tm_year", "month": "tm_mon", "day": "tm_mday", "weekday": "tm_wday", "hour": "tm_hour", "minute": "tm_min",
}  # fmt: skip
PATTERNS = {
    "numeric": NUMBER.pattern,
    "datetime": DATE.pattern,
    "boolean": "|".join(sorted(TRUE_TEXTS | FALSE_TEXTS)),
}
# The bend of a step that has none: z / sqrt(1 + (z / bend)²) is z for every feature value.
STRAIGHT = 1e300
# A text that is no level; its outputs are those of every unknown level.
UNKNOWN = "\0"


def runner_spec(spec: bytes, signature: Signature) -> dict[str, Any]:
    """The specification for predict.py in the zip: how to parse cells, and feature steps of four kinds.

    `missing` holds the outputs of a step for a missing value. A step of kind "table" has the outputs of each level;
    `other` holds those of unknown levels.
    """
    data = json.loads(spec)
    return {
        "task": signature.task.value,
        "classes": list(signature.labels),
        "threshold": data["threshold"],
        "positive": data.get("positive", 1),
        "fields": [_runner_field(each) for each in signature.fields],
        "patterns": PATTERNS,
        "missing": sorted(MISSING_TEXTS),
        "words": {**dict.fromkeys(sorted(TRUE_TEXTS), 1), **dict.fromkeys(sorted(FALSE_TEXTS), 0)},
        "token": TOKEN.pattern,
        "steps": [_runner_step(step) for step in FeatureSpec.from_json(data["features"]).steps],
    }


def _runner_field(field: FeatureField) -> dict[str, Any]:
    known: dict[str, Any] = {
        "name": field.name,
        "role": field.role.value,
        "is_required": not field.has_missing,
    }
    if field.role is Role.CATEGORICAL:
        known |= {
            "levels": list(field.levels),
            "is_typed": are_typed(field.levels),
            "has_codes": have_codes(field.levels),
        }
    return known if field.reading is None else {**known, "reading": field.reading.patterns()}


def runner_golden(golden: bytes) -> dict[str, Any]:
    """golden.json as rows: {"rows": [{column: value}], "answers": [[number]]}."""
    data = json.loads(golden)
    columns = {name: stored["cells"] for name, stored in data["rows"].items()}
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return {"rows": rows, "answers": data["answers"]}


def _runner_step(step: Step) -> dict[str, Any]:
    if isinstance(step, NumberStep):
        return {
            "kind": "number",
            "source": step.source,
            "mean": step.mean,
            "scale": step.scale,
            "limit": step.limit,
            "bend": STRAIGHT if step.bend is None else step.bend,
            "flag": [0.0] * step.has_flag,
            "missing": _rows(step, np.array([np.nan]))[0],
        }
    if isinstance(step, DatetimeStep):
        return _runner_dates(step)
    if isinstance(step, TextStep):
        words = dict(zip(step.words, step.idf, strict=True))
        return {"kind": "text", "source": step.source, "words": words, "missing": [0.0] * len(words)}
    levels: list[str] = list(getattr(step, "levels", ()))
    *known, other, missing = _rows(step, np.array([*levels, UNKNOWN, None], object))
    table = dict(zip(levels, known, strict=True))
    return {"kind": "table", "source": step.source, "table": table, "other": other, "missing": missing}


def _runner_dates(step: DatetimeStep) -> dict[str, Any]:
    n_numbers = len(step.outputs) - step.has_flag
    return {
        "kind": "datetime",
        "source": step.source,
        "origin": step.origin,
        "parts": [TIMETUPLE[part] for part in step.parts],
        "waves": [[TIMETUPLE[part], table] for part, table in waves_of(step.cyclic)],
        "means": list(step.means[:n_numbers]) or [0.0] * n_numbers,
        "scales": list(step.scales[:n_numbers]) or [1.0] * n_numbers,
        "flag": [0.0] * step.has_flag,
        "missing": _rows(step, np.array(["NaT"], "datetime64[us]"))[0],
    }


def _rows(step: Step, values: NDArray[Any]) -> list[list[float | None]]:
    """The outputs of the step for each value; None for NaN, which JSON does not have."""
    return [[None if each != each else each for each in row] for row in step.transform(values).tolist()]  # noqa: PLR0124


def waves_of(cyclic: Sequence[str]) -> list[tuple[str, list[float]]]:
    """Tables of sine and cosine for each cyclic part of a date; the position is the part's value."""
    angles = {part: 2 * np.pi * np.arange(CYCLES[part] + 1) / CYCLES[part] for part in cyclic}
    return [(part, wave(angle).tolist()) for part, angle in angles.items() for wave in (np.sin, np.cos)]


def browser_signature(signature: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON form of a signature for JavaScript: each reading as its patterns, and what its levels are."""
    fields = []
    for each in signature["fields"]:
        reading = Reading.from_json(each.get("reading"))
        levels = each.get("levels") or ()
        about_levels = {"is_typed": are_typed(levels), "has_codes": have_codes(levels)} if levels else {}
        patterns = {} if reading is None else {"reading": _browser_patterns(reading)}
        fields.append({**each, **about_levels, **patterns})
    return {**signature, "fields": fields}


def _browser_patterns(reading: Reading) -> dict[str, Any]:
    """The patterns of a reading, with `blank`: the characters that Python strips, which are not those of JavaScript."""
    known = {**reading.patterns(), "blank": _blank()}
    if "number" in known:
        known["number"] = _in_javascript(known["number"])
    if "dates" in known:
        known["dates"] = [_in_javascript(each) for each in known["dates"]]
    return known


def _in_javascript(pattern: str) -> str:
    # In JavaScript \w is ASCII. Names of months have letters alone.
    return pattern.replace("(?P<", "(?<").replace(r"[^\W\d_]", r"\p{L}").replace(r"\s", _blank())


@cache
def _blank() -> str:
    characters = [chr(code) for code in range(0x10000)]
    return "[" + "".join(f"\\u{ord(each):04x}" for each in characters if each.isspace()) + "]"


def browser_spec(spec: bytes) -> dict[str, Any]:
    """spec.json for JavaScript: datetimes as text (they exceed 2**53), sines as tables, case-folding exceptions."""
    data: dict[str, Any] = json.loads(spec)
    for step in data["features"]["steps"]:
        if step["kind"] == "datetime":
            step["origin"] = str(step["origin"])
            step["fill"] = None if step["fill"] is None else str(step["fill"])
            step["waves"] = [{"part": part, "table": table} for part, table in waves_of(step["cyclic"])]
        elif step["kind"] == "text":
            step["folding"] = case_folding()
    return data


def browser_golden(golden: bytes) -> dict[str, Any]:
    """golden.json for JavaScript: datetimes as text."""
    data: dict[str, Any] = json.loads(golden)
    for column in data["rows"].values():
        if column["kind"] == "moment":
            column["cells"] = [None if cell is None else str(cell) for cell in column["cells"]]
    return data


def browser_uncertainty(uncertainty: bytes | None) -> Mapping[str, Any] | None:
    """Conformal interval margins, or the least probability of a prediction set, at the default coverage."""
    if uncertainty is None:
        return None
    conformal = ConformalIntervals.from_json(json.loads(uncertainty))
    if conformal.task.is_classification:
        return {"coverage": DEFAULT_COVERAGE, "least": conformal.least_probability(DEFAULT_COVERAGE)}
    below, above = conformal.margins(DEFAULT_COVERAGE)
    return {
        "coverage": DEFAULT_COVERAGE,
        "edges": list(conformal.edges),
        "below": below.tolist(),
        "above": above.tolist(),
        "floor": conformal.floor,
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
