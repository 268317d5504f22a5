from __future__ import annotations

from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.models import ModelVersion
from predictor.services.registry.caller_changes import caller_changes

AGE = FeatureField("age", Role.NUMERIC)
CITY = FeatureField("city", Role.CATEGORICAL, has_missing=True)


def version(*fields: FeatureField, threshold: float | None = None, **more: object) -> ModelVersion:
    signature = Signature(
        **{"target": "y", "task": Task.BINARY, "fields": fields, "classes": ("no", "yes"), **more}
    )  # type: ignore[arg-type]
    return ModelVersion(task=signature.task.value, signature_json=signature.to_json(), threshold=threshold)


def changes(before: ModelVersion, after: ModelVersion) -> list[tuple[str, tuple[str, ...], bool]]:
    return [(each.kind.value, each.names, each.is_breaking) for each in caller_changes(before, after)]


def test_equal_signatures_change_nothing() -> None:
    assert changes(version(AGE, CITY), version(AGE, CITY)) == []
    # No threshold is the more probable class: 0.5.
    assert changes(version(AGE), version(AGE, threshold=0.5)) == []


def test_columns_that_came_went_or_changed_are_named() -> None:
    before = version(AGE, CITY, FeatureField("old", Role.TEXT))
    after = version(
        FeatureField("age", Role.CATEGORICAL), FeatureField("city", Role.CATEGORICAL),
        FeatureField("new", Role.NUMERIC), FeatureField("extra", Role.TEXT, has_missing=True),
    )  # fmt: skip

    assert changes(before, after) == [
        ("new_required", ("new",), True),
        ("now_required", ("city",), True),
        ("role", ("age: numeric → categorical",), True),
        ("new_optional", ("extra",), False),
        ("unread", ("old",), False),
    ]


def test_answers_that_mean_something_else_are_named() -> None:
    before = version(AGE, threshold=0.25)
    after = version(AGE, classes=("no", "maybe"), positive_class="no")
    regression = version(AGE, target="z", task=Task.REGRESSION, classes=())

    assert changes(before, after) == [
        ("new_classes", ("maybe",), False),
        ("no_classes", ("yes",), False),
        ("positive_class", ("yes", "no"), False),
        ("threshold", ("0.25", "0.5"), False),
    ]
    assert changes(before, regression)[:2] == [
        ("task", ("binary", "regression"), True), ("target", ("y", "z"), True),
    ]  # fmt: skip
