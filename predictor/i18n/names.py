"""Names of models and their fields, for the admin.

They stay English in the models: a name that is marked there would be one of the API's, too. The admin asks here.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db.models import Model
from django.utils.functional import Promise
from django.utils.safestring import SafeData
from django.utils.translation import override, pgettext, pgettext_lazy

CONTEXT = "name"


def field_name(text: Any) -> Any:
    """In the active language; what is translated by another, and marked-up text, stays as it is."""
    if isinstance(text, Promise | SafeData) or not isinstance(text, str) or not text:
        return text
    return pgettext(CONTEXT, text)


def translate_models(app: str) -> None:
    """The models of the admin say their names in the active language. No migration sees it."""
    for model in _models(app):
        options = model._meta
        for name in ("verbose_name", "verbose_name_plural"):
            setattr(options, name, pgettext_lazy(CONTEXT, _plain(getattr(options, name))))


def names(app: str) -> Iterator[tuple[Path, str]]:
    """File and name of each model of the admin, and of each field that it shows."""
    for model in _models(app):
        path = Path(inspect.getfile(model))
        for text in (_plain(model._meta.verbose_name), _plain(model._meta.verbose_name_plural)):
            yield path, text
        for field in model._meta.fields:
            if not isinstance(field.verbose_name, Promise):
                yield path, str(field.verbose_name)


def _models(app: str) -> list[type[Model]]:
    from django.contrib import admin

    found: dict[type[Model], None] = {}
    for model, shown in admin.site._registry.items():
        for each in (model, *(inline.model for inline in shown.inlines)):
            if each._meta.app_label == app:
                found[each] = None
    return list(found)


def _plain(text: Any) -> str:
    with override(None):
        return str(text)
