"""Aliases: the names that say which version of a model serves, and where they pointed before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet
from django.utils.text import slugify

from ...errors import Conflict, InvalidInput, NotFound, quoted
from ...models import CHAMPION, AliasChange, ModelAlias, ModelVersion, RegisteredModel, without_documents
from ..process import short_cache

if TYPE_CHECKING:
    from ...models import User


def set_alias(
    *, registered_model: RegisteredModel, alias: str, model_version: ModelVersion, by: User | None
) -> ModelAlias:
    """Point an alias at a version (promote). Pointing it where it points already changes nothing.

    Raises InvalidInput for a name that cannot be an alias, NotFound for another model's version,
    Conflict for an archived one.
    """
    _check_alias(alias)
    if model_version.registered_model_id != registered_model.pk:
        raise NotFound(f"{registered_model.name} has no such version.")
    with transaction.atomic():
        locked = locked_model(registered_model)
        model_version.refresh_from_db(fields=["archived_at"])
        if model_version.is_archived:
            raise Conflict(
                f"Version {model_version.number} is archived; take it out of the archive before it can serve."
            )
        return point(locked, alias, model_version, by)


def roll_back(*, registered_model: RegisteredModel, alias: str = CHAMPION, by: User | None) -> ModelAlias:
    """Roll back: point an alias at the version that it pointed at before. Each further call goes one more back.

    Versions archived meanwhile are skipped. Raises Conflict when there is nothing to go back to.
    """
    with transaction.atomic():
        locked = locked_model(registered_model)
        earlier = roll_back_target(locked, alias)
        if earlier is None:
            raise Conflict(
                f"There is no earlier version that {quoted(alias)} of {locked.name} could go back to."
            )
        return point(locked, alias, earlier, by, is_roll_back=True)


def roll_back_target(registered_model: RegisteredModel, alias: str) -> ModelVersion | None:
    """The version that a roll back would point the alias at; None when there is none."""
    before = _trail(registered_model, alias)[:-1]
    servable = ModelVersion.objects.filter(pk__in=set(before)).servable().in_bulk()
    return next((servable[pk] for pk in reversed(before) if pk in servable), None)


def remove_alias(*, registered_model: RegisteredModel, alias: str, by: User | None) -> None:
    """Delete an alias; its history stays. Raises NotFound."""
    with transaction.atomic():
        locked = locked_model(registered_model)
        current = locked.aliases.filter(alias=alias).first()
        if current is None:
            raise NotFound(f"{locked.name} has no alias {quoted(alias)}.")
        AliasChange.objects.create(
            registered_model=locked,
            alias=alias,
            previous_version_id=current.model_version_id,
            model_version=None,
            changed_by=by,
        )
        current.delete()
        short_cache.clear_after_commit()


def history(registered_model: RegisteredModel, alias: str | None = None) -> QuerySet[AliasChange]:
    """The changes of aliases: who pointed which alias at which version, newest first."""
    changes = registered_model.alias_changes.select_related("previous_version", "model_version", "changed_by")
    changes = without_documents(changes, "previous_version", "model_version")
    return changes if alias is None else changes.filter(alias=alias)


def _check_alias(alias: str) -> None:
    if not alias or len(alias) > 40 or slugify(alias).replace("_", "-") != alias.replace("_", "-"):
        raise InvalidInput(
            f"{quoted(alias)} cannot be an alias: use 1 to 40 small letters, digits, hyphens and underscores."
        )
    if alias.isdecimal():
        raise InvalidInput(f"{quoted(alias)} cannot be an alias: a number would read as a version number.")


def point(
    locked: RegisteredModel, alias: str, version: ModelVersion, by: User | None, *, is_roll_back: bool = False
) -> ModelAlias:
    """Point an alias of a locked model at a version, and record the change. No change when it points there already."""
    current = locked.aliases.filter(alias=alias).first()
    if current is not None and current.model_version_id == version.pk:
        return current
    short_cache.clear_after_commit()
    AliasChange.objects.create(
        registered_model=locked,
        alias=alias,
        previous_version_id=current.model_version_id if current else None,
        model_version=version,
        is_roll_back=is_roll_back,
        changed_by=by,
    )
    if current is None:
        return ModelAlias.objects.create(registered_model=locked, alias=alias, model_version=version)
    current.model_version = version
    current.save(update_fields=["model_version", "updated_at"])
    return current


def _trail(registered_model: RegisteredModel, alias: str) -> list[int]:
    """The stack of versions that the alias pointed at, oldest first; the last one is current.

    Each move adds one; a roll back removes those after its version.
    """
    trail: list[int] = []
    changes = registered_model.alias_changes.filter(alias=alias).order_by("id")
    for version_id, is_roll_back in changes.values_list("model_version_id", "is_roll_back"):
        if is_roll_back:
            while trail and trail[-1] != version_id:
                trail.pop()
        if not trail or trail[-1] != version_id:
            trail.append(version_id)
    return trail


def locked_model(registered_model: RegisteredModel) -> RegisteredModel:
    """The row, locked until the transaction ends. On SQLite the transaction, begun IMMEDIATE, is the lock."""
    return RegisteredModel.objects.select_for_update().get(pk=registered_model.pk)
