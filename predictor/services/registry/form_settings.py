"""Form settings of a model: how its columns are shown and bounded wherever a person fills a form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import transaction

from ...errors import InvalidInput, NotFound, Problem, TooLarge, quoted_list
from ...ml.types.field_settings import FieldSettings, escaped
from ...ml.types.schema import Signature
from ...models import FormSettings, ModelVersion, RegisteredModel
from .aliases import locked_model

if TYPE_CHECKING:
    from ...models import User

MAX_BYTES = 1_000_000
N_CHANGES = 20
NONE = FieldSettings()


def of(registered_model: RegisteredModel) -> FieldSettings:
    """The settings of the model's columns; none for a model without."""
    row = FormSettings.objects.filter(registered_model=registered_model).only("fields_json").first()
    return row.fields if row is not None and row.fields_json else NONE


def change(
    *, registered_model: RegisteredModel, fields: Mapping[str, Any], by: User | None, is_whole: bool = True
) -> FieldSettings:
    """Store `{column: settings}`; the settings of a column with none are removed.

    `is_whole`: columns that are not named lose their settings; else they keep them.
    Raises InvalidInput for a fault and for a column that the model does not have, TooLarge.
    """
    settings = FieldSettings.from_json(fields)
    with transaction.atomic():
        locked_model(registered_model)
        row = FormSettings.objects.filter(registered_model=registered_model).first()
        before = row.fields_json if row is not None else {}
        _require_known(registered_model, settings, before)
        after = settings.to_json()
        if not is_whole:
            after = {**{name: entry for name, entry in before.items() if name not in fields}, **after}
        if len(json.dumps(after)) > MAX_BYTES:
            raise TooLarge(f"The form settings may take {MAX_BYTES:,} bytes.", limit=MAX_BYTES)
        if after != before:
            row = row or FormSettings(registered_model=registered_model)
            row.fields_json, row.updated_by, row._history_user = after, by, by
            row.save()
    return FieldSettings.from_json(after)


def form_version(registered_model: RegisteredModel) -> ModelVersion:
    """The version whose columns the settings name: the champion, else the newest. Raises NotFound."""
    from . import registry

    try:
        return registry.version_of(registered_model)
    except NotFound:
        newest = registered_model.versions.order_by("-number").first()
        if newest is None:
            raise NotFound(f"{registered_model.name} has no version yet.") from None
        newest.registered_model = registered_model
        return newest


def changes(registered_model: RegisteredModel) -> list[Any]:
    """The last changes, newest first, each with `changed`: the columns whose settings it changed."""
    rows = list(
        FormSettings.history.filter(registered_model_id=registered_model.pk)
        .select_related("history_user")
        .order_by("-history_date", "-history_id")[: N_CHANGES + 1]
    )
    for row, before in zip(rows, [*rows[1:], None], strict=False):
        old = before.fields_json if before is not None else {}
        names = dict.fromkeys([*row.fields_json, *old])
        row.changed = [name for name in names if row.fields_json.get(name) != old.get(name)]
    return rows[:N_CHANGES]


def _require_known(
    registered_model: RegisteredModel, settings: FieldSettings, before: Mapping[str, Any]
) -> None:
    signature: Signature = form_version(registered_model).signature
    unknown = [name for name in settings.fields if name not in signature.names and name not in before]
    if unknown:
        raise InvalidInput(
            f"{registered_model.name} has no column {quoted_list(unknown)}.",
            problems=[
                Problem("There is no such column.", f"/fields/{escaped(name)}") for name in unknown[:20]
            ],
        )
