"""What changes for callers when another version of a model answers: columns, answers, classes, decisions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ...ml.types.schema import FeatureField, Signature, Task
from ...models import ModelVersion

HALF = 0.5


class ChangeKind(StrEnum):
    """In the order in which they matter."""

    TASK = "task"
    TARGET = "target"
    NEW_REQUIRED = "new_required"
    NEW_OPTIONAL = "new_optional"
    NOW_REQUIRED = "now_required"
    UNREAD = "unread"
    ROLE = "role"
    NEW_CLASSES = "new_classes"
    NO_CLASSES = "no_classes"
    POSITIVE_CLASS = "positive_class"
    THRESHOLD = "threshold"


# A request that was right before can be refused, or its answer means something else.
BREAKING = frozenset(
    {ChangeKind.TASK, ChangeKind.TARGET, ChangeKind.NEW_REQUIRED, ChangeKind.NOW_REQUIRED, ChangeKind.ROLE}
)


@dataclass(frozen=True)
class CallerChange:
    """One change, with the columns, classes or values that it is about."""

    kind: ChangeKind
    names: tuple[str, ...]

    @property
    def is_breaking(self) -> bool:
        return self.kind in BREAKING


def caller_changes(before: ModelVersion, after: ModelVersion) -> list[CallerChange]:
    """The changes for callers, those that can break requests first."""
    old, new = before.signature, after.signature
    found = {
        ChangeKind.TASK: _changed(old.task.value, new.task.value),
        ChangeKind.TARGET: _changed(old.target, new.target),
        **_columns(old, new),
        ChangeKind.NEW_CLASSES: _only(new.class_names, old.class_names),
        ChangeKind.NO_CLASSES: _only(old.class_names, new.class_names),
        ChangeKind.POSITIVE_CLASS: _changed(old.positive_name, new.positive_name),
        ChangeKind.THRESHOLD: _changed(_threshold(before), _threshold(after)),
    }
    changes = [CallerChange(kind, found[kind]) for kind in ChangeKind if found[kind]]
    return sorted(changes, key=lambda each: not each.is_breaking)


def _columns(old: Signature, new: Signature) -> dict[ChangeKind, tuple[str, ...]]:
    earlier = {each.name: each for each in old.fields}
    later = {each.name: each for each in new.fields}
    both = [(earlier[name], each) for name, each in later.items() if name in earlier]
    fresh = [each for name, each in later.items() if name not in earlier]
    return {
        ChangeKind.NEW_REQUIRED: _names(each for each in fresh if not each.has_missing),
        ChangeKind.NEW_OPTIONAL: _names(each for each in fresh if each.has_missing),
        ChangeKind.NOW_REQUIRED: _names(b for a, b in both if a.has_missing and not b.has_missing),
        ChangeKind.UNREAD: _only(tuple(earlier), tuple(later)),
        ChangeKind.ROLE: tuple(f"{b.name}: {a.role} → {b.role}" for a, b in both if a.role != b.role),
    }


def _names(fields: Iterable[FeatureField]) -> tuple[str, ...]:
    return tuple(each.name for each in fields)


def _only(names: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    """The names that are not among the others."""
    known = set(others)
    return tuple(each for each in names if each not in known)


def _changed(old: str, new: str) -> tuple[str, ...]:
    return () if old == new else (old, new)


def _threshold(version: ModelVersion) -> str:
    return f"{version.threshold or HALF:.4g}" if version.task == Task.BINARY else ""
