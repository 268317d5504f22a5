"""Rows to start a form with: of the stored training rows a typical one of each class, the extremes, or a random one."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import NotFound, quoted
from ...ml.types.schema import Task
from ...models import ModelVersion
from ..registry import version_facts
from . import loaded_versions, nearest_examples

if TYPE_CHECKING:
    from ...ml.explanation.nearest_examples import Examples

MAX_CLASSES = 10
RANDOM = "random"
ENDS = ("lowest", "median", "highest")


def keys_of(version: ModelVersion) -> list[str]:
    """The examples to choose from, without reading them: `class-0` …, or `lowest`, `median`, `highest`; `random`."""
    if not version_facts.has_examples(version):
        return []
    signature = version.signature
    if signature.classes:
        return [*(f"class-{code}" for code in range(min(len(signature.classes), MAX_CLASSES))), RANDOM]
    return [*ENDS, RANDOM] if signature.task is Task.REGRESSION else [RANDOM]


def row_of(version: ModelVersion, key: str, *, choose: random.Random | None = None) -> Mapping[str, Any]:
    """The row of this key. Raises NotFound for another key and where there is none, NotServable when damaged."""
    if key not in keys_of(version):
        raise NotFound(f"There is no example {quoted(key)}.")
    examples = nearest_examples.examples_of(version)
    targets = np.asarray(examples.targets, dtype=float)
    if not len(targets):
        raise NotFound("The version keeps no training rows.")
    if key == RANDOM:
        return examples.row((choose or random.SystemRandom()).randrange(len(targets)))
    if key in ENDS:
        order = np.argsort(targets, kind="stable")
        return examples.row(int(order[{"lowest": 0, "median": len(order) // 2, "highest": -1}[key]]))
    return _typical_of_class(version, examples, int(key.removeprefix("class-")))


def _typical_of_class(version: ModelVersion, examples: Examples, code: int) -> Mapping[str, Any]:
    """The row of the class that is nearest to the typical row of training."""
    places = np.flatnonzero(np.asarray(examples.targets) == code)
    if not len(places):
        name = version.signature.class_names[code]
        raise NotFound(f"No stored training row is of the class {quoted(name)}.")
    checker = loaded_versions.load(version).checker
    distances = examples.distances_to(checker.check([version.signature.typical_row()]).columns)
    return examples.row(int(places[np.argmin(distances[places])]))
